export type { Endpointer, Factory, Made } from "./endpointer.ts";
export type { Instance } from "./instance.ts";
export type { Instancer, InstancerEvent, InstancerStatus } from "./instancer.ts";
export type { Registrar } from "./registrar.ts";
