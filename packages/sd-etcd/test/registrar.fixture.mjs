// Registers the instance that it is told and waits to be killed.
import { etcdRegistrar } from "@kit/sd-etcd";
import { Etcd3 } from "etcd3";

const { url, ...options } = JSON.parse(process.argv[2]);
await etcdRegistrar({ ...options, client: new Etcd3({ hosts: url }) }).register();
process.stdout.write("registered\n");
setInterval(() => {}, 60_000);
