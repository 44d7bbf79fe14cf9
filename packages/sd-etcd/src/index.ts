export { etcdInstancer, type EtcdInstancerOptions } from "./instancer.ts";
export { etcdRegistrar, type EtcdRegistrarOptions } from "./registrar.ts";
