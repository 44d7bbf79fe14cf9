import { ExplicitContext, type model, type Recorder, type sampler, Tracer, BatchRecorder } from "zipkin";

/** A span as the library hands it to its transports. */
type Reported = model.Span & {
  readonly localEndpoint?: Endpoint;
  readonly remoteEndpoint?: Endpoint;
};

interface Endpoint {
  readonly serviceName?: string;
  readonly ipv4?: string;
  readonly port?: number;
}

export interface Recording {
  readonly tracer: Tracer;
  /** The spans that have ended, in that order. */
  readonly spans: () => readonly Reported[];
  /** What the tracer has logged. */
  readonly logged: readonly unknown[][];
}

interface RecordingOptions {
  readonly sampler?: sampler.Sampler;
  readonly recorder?: Recorder;
  readonly localEndpoint?: model.Endpoint;
  readonly supportsJoin?: boolean;
  readonly traceId128Bit?: boolean;
}

/** The real library, with a tracer that keeps its spans. */
export function recording(options: RecordingOptions = {}): Recording {
  const ended: Reported[] = [];
  const logged: unknown[][] = [];
  const log = { ...console, error: (...told: unknown[]) => void logged.push(told) };
  const tracer = new Tracer({
    ctxImpl: new ExplicitContext(),
    recorder: new BatchRecorder({ logger: { logSpan: (span) => void ended.push(span) } }),
    localServiceName: "test",
    log,
    ...options,
  });
  return { tracer, spans: () => ended, logged };
}

/** A message of any transport, to write headers to and to read them from. */
export class Message {
  readonly headers: Record<string, string | readonly string[]> = {};

  header(name: string): string | undefined {
    const value = this.headers[name];
    return typeof value === "string" ? value : value?.join(", ");
  }
}
