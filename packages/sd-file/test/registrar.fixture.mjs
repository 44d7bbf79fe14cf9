// Registers the instance that it is told and waits to be killed.
import { fileRegistrar } from "@kit/sd-file";

const registrar = fileRegistrar(JSON.parse(process.argv[2]));
await registrar.register();
process.stdout.write("registered\n");
setInterval(() => {}, 60_000);
