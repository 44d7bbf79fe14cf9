import { codeOf } from "@kit/endpoint";
import { businessError, type CallSpan, type OnError, retriesOf, textOf } from "@kit/tracing";
import { type Span, Tags } from "opentracing";

/** What is the same for all calls of one middleware. */
export interface TracedSpanOptions {
  readonly ignoreBusinessErrors: boolean;
  readonly onError: OnError | undefined;
}

/** The span of one call. */
export class TracedSpan implements CallSpan {
  readonly #span: Span;
  readonly #options: TracedSpanOptions;

  constructor(span: Span, options: TracedSpanOptions) {
    this.#span = span;
    this.#options = options;
  }

  tellSuccess(failure: unknown): void {
    if (failure === undefined) return;
    this.#span.log({ [businessError]: textOf(failure) });
    if (!this.#options.ignoreBusinessErrors) this.tellFailure(failure);
  }

  /** As go-kit's tracing does by `ext.LogError`; `error.kind`, `message` and `stack` for tracers that write an `Error` as `{}`. */
  tellFailure(error: unknown): void {
    this.#span.setTag(Tags.ERROR, true);
    const { stack } = error instanceof Error ? error : {};
    this.#span.log({
      event: "error",
      "error.kind": codeOf(error),
      "error.object": error,
      message: textOf(error),
      ...(stack !== undefined && { stack }),
      ...retriesOf(error),
    });
  }

  finish(): void {
    this.#span.finish();
  }

  report(_what: string, error: unknown): void {
    this.#options.onError?.(error);
  }
}
