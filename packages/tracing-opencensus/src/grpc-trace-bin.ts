import type { HeaderGetter, HeaderSetter, Propagation, SpanContext } from "@opencensus/core";
import { deserializeSpanContext, serializeSpanContext } from "@opencensus/propagation-binaryformat";
import { b3 } from "./b3.ts";

/**
 * gRPC's header `grpc-trace-bin`, by `@opencensus/propagation-binaryformat`: 29 bytes, which messages of `@kit/transport-grpc` have in base64.
 *
 * @see go-kit tracing/opencensus/grpc.go
 */
export const grpcTraceBin: Propagation = {
  extract(getter: HeaderGetter): SpanContext | null {
    const header = getter.getHeader("grpc-trace-bin");
    return typeof header === "string" ? deserializeSpanContext(Buffer.from(header, "base64")) : null;
  },

  inject(setter: HeaderSetter, context: SpanContext): void {
    setter.setHeader("grpc-trace-bin", serializeSpanContext(context).toString("base64"));
  },

  generate: b3.generate,
};
