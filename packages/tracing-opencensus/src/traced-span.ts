import { type Code, codeOf } from "@kit/endpoint";
import { businessError, type CallSpan, finalOf, type OnError, retriesOf, textOf } from "@kit/tracing";
import { CanonicalCode, type Span } from "@opencensus/core";

/** What is the same for all calls of one middleware. */
export interface TracedSpanOptions {
  readonly ignoreBusinessErrors: boolean;
  readonly onError: OnError | undefined;
}

/** The recorded span of one call. */
export class TracedSpan implements CallSpan {
  readonly #span: Span;
  readonly #options: TracedSpanOptions;

  constructor(span: Span, options: TracedSpanOptions) {
    this.#span = span;
    this.#options = options;
  }

  tellSuccess(failure: unknown): void {
    if (failure !== undefined) this.#span.addAttribute(businessError, textOf(failure));
    if (failure === undefined || this.#options.ignoreBusinessErrors) this.#span.setStatus(CanonicalCode.OK);
    else this.#setFailed(failure);
  }

  /** The status is that of the final error, as in go-kit. */
  tellFailure(error: unknown): void {
    this.#setFailed(finalOf(error));
    for (const [name, text] of Object.entries(retriesOf(error))) this.#span.addAttribute(name, text);
  }

  finish(): void {
    this.#span.end();
  }

  report(_what: string, error: unknown): void {
    this.#options.onError?.(error);
  }

  #setFailed(error: unknown): void {
    this.#span.setStatus(canonicalOf(codeOf(error)), textOf(error));
  }
}

/** OpenCensus has the same codes. */
function canonicalOf(code: Code): CanonicalCode {
  const name = code === "canceled" ? "cancelled" : code;
  return CanonicalCode[name.toUpperCase() as keyof typeof CanonicalCode];
}
