// Registers the instance that it is told and waits to be killed.
import { zkClient, zkRegistrar } from "@kit/sd-zk";

const { servers, sessionTimeoutMs, ...options } = JSON.parse(process.argv[2]);
await zkRegistrar({ ...options, client: zkClient({ servers, sessionTimeoutMs }) }).register();
process.stdout.write("registered\n");
