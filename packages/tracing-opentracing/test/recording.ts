import jaeger, { type JaegerSpan } from "jaeger-client";
import { MockTracer, type Span, SpanContext, type SpanOptions, type Tracer } from "opentracing";
import { onTestFinished } from "vitest";

/** The API's own mock, `lib/mock_tracer`, as much as is looked at. */
interface MockSpan extends Span {
  uuid(): string;
  operationName(): string;
  tags(): Record<string, unknown>;
  readonly _logs: readonly { readonly fields: Record<string, unknown> }[];
  readonly _finishMs: number;
}

/** What came over the wire, and what of a span crosses it. */
class MockContext extends SpanContext {
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
    return this.#all.filter((span) => span._finishMs > 0);
  }

  /** How many have been started and not finished. */
  get open(): number {
    return this.#all.length - this.spans.length;
  }

  /** Whose child a span is, by its id. */
  parentOf(span: Span): string | undefined {
    return this.#parents.get(span);
  }

  protected override _startSpan(name: string, options: SpanOptions): Span {
    const span = super._startSpan(name, options) as MockSpan;
    span.addTags(options.tags ?? {});
    this.#all.push(span);
    const [parent] = options.references ?? [];
    if (parent !== undefined) this.#parents.set(span, idOf(parent.referencedContext()));
    return span;
  }

  protected override _inject(context: SpanContext, _format: string, carrier: Record<string, string>): void {
    carrier["Mock-Id"] = idOf(context);
    carrier["mock-bin"] = "€";
  }

  protected override _extract(_format: string, carrier: Record<string, string>): SpanContext | null {
    return carrier["mock-id"] === undefined ? null : new MockContext(carrier["mock-id"] + (carrier["mock-bin"] ?? ""));
  }
}

function idOf(context: SpanContext): string {
  const of = context as MockContext & { readonly _span?: MockSpan };
  return of._span?.uuid() ?? of.id;
}

export const recording = (): RecordingTracer => new RecordingTracer();

/** Jaeger's own tracer, which reports to memory. */
export function jaegerTracer(sampled = true) {
  const reporter = new jaeger.InMemoryReporter();
  const tracer = new jaeger.Tracer("test", reporter, new jaeger.ConstSampler(sampled));
  onTestFinished(() => tracer.close());
  return { tracer, spans: (): JaegerSpan[] => reporter.spans };
}

/** A message of any transport, to write headers to and to read them from. */
export class Message {
  readonly headers: Record<string, string | readonly string[]> = {};

  header(name: string): string | undefined {
    const value = this.headers[name];
    return typeof value === "string" ? value : value?.join(", ");
  }
}
