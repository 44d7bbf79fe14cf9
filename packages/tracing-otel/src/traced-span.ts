import { codeOf, codes } from "@kit/endpoint";
import { businessError, type CallSpan, retriesOf, textOf } from "@kit/tracing";
import { context, type Context as OtelContext, diag, type Span, SpanKind, SpanStatusCode } from "@opentelemetry/api";

/** What is the same for all calls of one middleware. */
export interface TracedSpanOptions {
  readonly kind: SpanKind;
  readonly ignoreBusinessErrors: boolean;
}

/** The recorded span of one call. */
export class TracedSpan implements CallSpan {
  readonly #span: Span;
  /** What has this span, for the steps of a stream. */
  readonly #active: OtelContext;
  readonly #options: TracedSpanOptions;

  constructor(span: Span, active: OtelContext, options: TracedSpanOptions) {
    this.#span = span;
    this.#active = active;
    this.#options = options;
  }

  tellSuccess(failure: unknown): void {
    this.#set("rpc.status_code", "OK");
    if (failure === undefined) return;
    this.#span.setAttribute(businessError, textOf(failure));
    if (!this.#options.ignoreBusinessErrors) this.#markFailed(failure);
  }

  tellFailure(error: unknown): void {
    const code = codeOf(error);
    this.#set("rpc.status_code", code.toUpperCase());
    // As the conventions have it, an error that blames the caller is no failure of a server.
    if (this.#options.kind === SpanKind.SERVER && codes[code].http < 500) this.#span.setAttribute("error.type", code);
    else this.#markFailed(error);
    this.#span.setAttributes(retriesOf(error));
  }

  finish(): void {
    this.#span.end();
  }

  report(what: string, error: unknown): void {
    diag.error(`@kit/tracing-otel: ${what}`, error);
  }

  bind<Step extends (...sent: any[]) => unknown>(step: Step): Step {
    return context.bind(this.#active, step);
  }

  #markFailed(error: unknown): void {
    const message = textOf(error);
    this.#span.setAttribute("error.type", codeOf(error));
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
    this.#span.recordException(error instanceof Error ? error : message);
  }

  #set(name: string, value: string): void {
    if (this.#options.kind !== SpanKind.INTERNAL) this.#span.setAttribute(name, value);
  }
}
