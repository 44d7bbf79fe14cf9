export { type ZkAuth, type ZkClient, zkClient, type ZkClientOptions } from "./client.ts";
export { zkInstancer, type ZkInstancerOptions } from "./instancer.ts";
export { zkRegistrar, type ZkRegistrarOptions } from "./registrar.ts";
