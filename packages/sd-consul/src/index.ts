export { consulInstancer, type ConsulInstancerOptions } from "./instancer.ts";
export { consulRegistrar, type ConsulRegistrarOptions } from "./registrar.ts";
