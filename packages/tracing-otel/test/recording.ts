import type { Tracer } from "@opentelemetry/api";
import {
  AlwaysOnSampler,
  NodeTracerProvider,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { onTestFinished } from "vitest";

export interface Recording {
  readonly tracer: Tracer;
  /** The spans that have ended, in that order. */
  readonly spans: () => ReadableSpan[];
  /** How many have been opened and not ended. */
  readonly open: () => number;
}

/** The real SDK, with a tracer that keeps its spans. */
export function recording(options: { sampler?: Sampler; processors?: SpanProcessor[] } = {}): Recording {
  const ended: ReadableSpan[] = [];
  let open = 0;
  // Not the SDK's exporter into memory, which leaves a timer behind each span.
  const keeper: SpanProcessor = {
    onStart: () => void open++,
    onEnd(span) {
      open--;
      ended.push(span);
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new NodeTracerProvider({
    sampler: options.sampler ?? new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [keeper, ...(options.processors ?? [])],
  });
  onTestFinished(() => provider.shutdown());
  return { tracer: provider.getTracer("test"), spans: () => ended, open: () => open };
}

/** A message of any transport, to write headers to and to read them from. */
export class Message {
  readonly headers: Record<string, string | readonly string[]> = {};

  header(name: string): string | undefined {
    const value = this.headers[name];
    return typeof value === "string" ? value : value?.join(", ");
  }
}
