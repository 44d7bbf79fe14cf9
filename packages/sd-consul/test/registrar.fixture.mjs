// Registers the instance that it is told and waits to be killed.
import { consulRegistrar } from "@kit/sd-consul";
import Consul from "consul";

const { port, ...options } = JSON.parse(process.argv[2]);
await consulRegistrar({ ...options, client: new Consul({ port }) }).register();
process.stdout.write("registered\n");
setInterval(() => {}, 60_000);
