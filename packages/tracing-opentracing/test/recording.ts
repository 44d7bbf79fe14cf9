import jaeger, { type JaegerSpan } from "jaeger-client";
import { MockContext, MockSpan, MockTracer } from "opentracing/lib/mock_tracer/index.js";
import { type Span, SpanContext, type SpanOptions, type Tracer } from "opentracing";
import { onTestFinished } from "vitest";

/** What of a span is on the wire. */
class RemoteContext extends SpanContext {
  readonly id: string;
  constructor(id: string) {
    super();
    this.id = id;
  }
}

/** By its types it can never have a wire. */
const AnyMockTracer = MockTracer as unknown as new () => Tracer;

/** The API's mock tracer, which lacks parents, the tags that a span is started with, and a wire. */
export class RecordingTracer extends AnyMockTracer {
  readonly #all: MockSpan[] = [];
  readonly #parents = new Map<Span, string>();

  /** The spans that have finished, in the order of their beginning. */
  get spans(): MockSpan[] {
    return this.#all.filter((span) => span.durationMs() >= 0);
  }

  /** How many have been started and not finished. */
  get open(): number {
    return this.#all.length - this.spans.length;
  }

  /** Whose child a span is, by its id. */
  parentOf(span: Span): string | undefined {
    return this.#parents.get(span);
  }

  override startSpan(name: string, options: SpanOptions = {}): Span {
    // It moves what it is given about.
    const span = super.startSpan(name, { ...options }) as MockSpan;
    span.addTags(options.tags ?? {});
    this.#all.push(span);
    if (options.childOf !== undefined) this.#parents.set(span, this.#idOf(options.childOf));
    return span;
  }

  override inject(context: Span | SpanContext, _format: string, carrier: Record<string, string>): void {
    carrier["Mock-Id"] = this.#idOf(context);
    carrier["mock-bin"] = "€";
  }

  override extract(_format: string, carrier: Record<string, string>): SpanContext | null {
    return carrier["mock-id"] === undefined
      ? null
      : new RemoteContext(carrier["mock-id"] + (carrier["mock-bin"] ?? ""));
  }

  #idOf(of: Span | SpanContext): string {
    if (of instanceof RemoteContext) return of.id;
    return (of instanceof MockSpan ? of : (of as MockContext).span()).uuid();
  }
}

/** What was logged with a span, record by record. */
export function logsOf(span: Span): Record<string, unknown>[] {
  const { _logs: records } = span as Span & { readonly _logs: readonly { readonly fields: Record<string, unknown> }[] };
  return records.map(({ fields }) => fields);
}

export const recording = (): RecordingTracer => new RecordingTracer();

/** A span as a backend has it, whoever made it. */
export interface Reported {
  readonly trace: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly name: string;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly logs: readonly Readonly<Record<string, unknown>>[];
}

/** Jaeger's own tracer, which reports to memory. */
export function jaegerTracer(sampled = true) {
  const reporter = new jaeger.InMemoryReporter();
  const tracer = new jaeger.Tracer("test", reporter, new jaeger.ConstSampler(sampled));
  onTestFinished(() => tracer.close());
  return { tracer, spans: (): Reported[] => reporter.spans.map(reported) };
}

function reported(span: JaegerSpan): Reported {
  const { _operationName: name, _tags: tags, _logs: logs } = span;
  const context: SpanContext & { readonly parentIdStr?: string } = span.context();
  return {
    trace: context.toTraceId(),
    id: context.toSpanId(),
    parent: context.parentIdStr,
    name,
    tags: byKey(tags),
    logs: logs.map(({ fields }) => byKey(fields)),
  };
}

function byKey(pairs: readonly { readonly key: string; readonly value: unknown }[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
}

/** A message of any transport, to write headers to and to read them from. */
export class Message {
  readonly headers: Record<string, string | readonly string[]> = {};

  header(name: string): string | undefined {
    const value = this.headers[name];
    return typeof value === "string" ? value : value?.join(", ");
  }
}
