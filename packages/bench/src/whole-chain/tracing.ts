import type { Tracer } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import { traced } from "./job.ts";

/** Takes spans as a collector does, and has none of them. */
const nowhere: SpanExporter = {
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enumeration is of a package that is not this one's
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => {},
};

/** One process's tracer: a call that begins here is sampled by chance, one that comes from elsewhere if it was there. */
export function openTracer(): Tracer {
  const provider = new BasicTracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(traced) }),
    spanProcessors: [new BatchSpanProcessor(nowhere)],
  });
  return provider.getTracer("sum");
}
