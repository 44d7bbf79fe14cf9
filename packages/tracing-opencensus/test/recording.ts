import { CoreTracer, CoreTracerBase, type Span, type SpanEventListener, type TracerConfig } from "@opencensus/core";
import { onTestFinished } from "vitest";

/** OpenCensus's own tracer, with a listener that keeps its spans: no exporter of the library's keeps them. */
export function recording(config: TracerConfig = {}, tracer: CoreTracer | CoreTracerBase = new CoreTracerBase()) {
  const ended: Span[] = [];
  let open = 0;
  const keeper: SpanEventListener = {
    onStartSpan: () => void open++,
    onEndSpan(span) {
      open--;
      ended.push(span);
    },
  };
  tracer.registerSpanEventListener(keeper);
  tracer.start({ samplingRate: 1, ...config });
  onTestFinished(() => void tracer.stop());
  return {
    tracer,
    /** The spans that have ended, in that order. */
    spans: (): Span[] => ended,
    /** How many have been opened and not ended. */
    open: (): number => open,
  };
}

/** The one whose current root span is found wherever a call goes, as instrumentations need it. */
export function recordingCurrent() {
  const tracer = new CoreTracer();
  return { ...recording({}, tracer), tracer };
}

/** A message of any transport, to write headers to and to read them from. */
export class Message {
  readonly headers: Record<string, string | readonly string[]>;

  constructor(headers: Record<string, string | readonly string[]> = {}) {
    this.headers = headers;
  }

  header(name: string): string | undefined {
    const value = this.headers[name];
    return typeof value === "string" ? value : value?.join(", ");
  }
}
