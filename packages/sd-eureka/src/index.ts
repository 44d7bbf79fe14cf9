export { eurekaInstancer, type EurekaInstancerOptions } from "./instancer.ts";
export { eurekaRegistrar, type EurekaRegistrarOptions } from "./registrar.ts";
