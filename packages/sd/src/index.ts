// For applications.
export type { Instance } from "./instance.ts";
export type { Instancer, InstancerEvent, InstancerStatus } from "./instancer.ts";
export type { Registrar } from "./registrar.ts";
export {
  type Endpointer,
  endpointer,
  type EndpointerOptions,
  type Factory,
  type LiveEndpointer,
  type Made,
} from "./endpointer.ts";
export { firstInstances } from "./first-instances.ts";
export { fixedEndpointer } from "./fixed-endpointer.ts";
export { fixedInstancer } from "./fixed-instancer.ts";
export { type Backoff, backoff, type BackoffOptions } from "./backoff.ts";

// For adapters.
export { guarded } from "./guarded.ts";
export { heartbeatRegistrar, type HeartbeatRegistrarOptions } from "./heartbeat-registrar.ts";
export { parseInstance } from "./instance.ts";
export { decodeInstance, encodeInstance } from "./instance-text.ts";
export { type InstanceCache, instanceCache, type InstanceCacheOptions } from "./instance-cache.ts";
export { isWithin, optionError, requireMs, requireName, requireText } from "./option.ts";
export { recordReader, type RecordReaderOptions } from "./record-reader.ts";
export { watchInstancer, type WatchInstancerOptions } from "./watch-instancer.ts";
