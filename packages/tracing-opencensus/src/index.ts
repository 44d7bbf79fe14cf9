export { b3 } from "./b3.ts";
export { grpcTraceBin } from "./grpc-trace-bin.ts";
export { spanId, spanOf, traceId, withSpan } from "./parent.ts";
export {
  extractTrace,
  type ExtractTraceOptions,
  injectTrace,
  type InjectTraceOptions,
  tellStatus,
} from "./propagation.ts";
export { traced, type TracedOptions } from "./traced.ts";
