// Registers the instance that it is told and waits to be killed.
import { eurekaRegistrar } from "@kit/sd-eureka";

const registrar = eurekaRegistrar(JSON.parse(process.argv[2]));
await registrar.register();
process.stdout.write("registered\n");
setInterval(() => {}, 60_000);
