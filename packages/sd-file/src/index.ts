export { fileInstancer, type FileInstancerOptions } from "./instancer.ts";
export { fileRegistrar, type FileRegistrarOptions } from "./registrar.ts";
