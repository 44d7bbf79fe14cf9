import { type Code, codeOf, type Context, failureOf } from "@kit/endpoint";
import { CanonicalCode, type Span } from "@opencensus/core";
import { type OnError, tell } from "./fault.ts";
import { isMessages, watched } from "./watched.ts";

/** What is the same for all calls of one middleware. */
export interface CallSpanOptions {
  readonly ignoreBusinessErrors: boolean;
  readonly onError: OnError | undefined;
}

/** The recorded span of one call, until the call's promise, its stream or its context ends it, whichever is first. */
export class CallSpan {
  readonly #span: Span;
  readonly #options: CallSpanOptions;
  /** Missing while the constructor runs, which is when a context that is over already ends the span. */
  readonly #forget: (() => void) | undefined;
  #open = true;

  constructor(span: Span, ctx: Context, options: CallSpanOptions) {
    this.#span = span;
    this.#options = options;
    this.#forget = ctx.onCancel(this.fail);
  }

  /** Returns the response, or the same stream watched. */
  readonly succeed = <Response>(response: Response): Response => {
    if (!this.#open) return response;
    try {
      if (isMessages(response)) {
        return watched(response, () => this.#end(() => this.#tellSuccess(undefined)), this.fail) as Response;
      }
    } catch (error) {
      tell(this.#options.onError, error);
    }
    this.#end(() => this.#tellSuccess(response));
    return response;
  };

  readonly fail = (error: unknown): void => this.#end(() => this.#tellFailure(error));

  #end(outcome: () => void): void {
    if (!this.#open) return;
    this.#open = false;
    this.#forget?.();
    try {
      outcome();
    } catch (error) {
      tell(this.#options.onError, error);
    }
    try {
      this.#span.end();
    } catch (error) {
      tell(this.#options.onError, error);
    }
  }

  #tellSuccess(response: unknown): void {
    const failure = failureIn(response);
    if (failure !== undefined) this.#span.addAttribute("gokit.business.error", textOf(failure));
    if (failure === undefined || this.#options.ignoreBusinessErrors) this.#span.setStatus(CanonicalCode.OK);
    else this.#setFailed(failure);
  }

  /** A `RetryError`, as `@kit/lb` makes them, tells what each attempt failed with, and has the status of the final error; as in go-kit. */
  #tellFailure(error: unknown): void {
    const { name, errors, final } = (error ?? {}) as Readonly<Record<"name" | "errors" | "final", unknown>>;
    if (name !== "RetryError" || !Array.isArray(errors)) return this.#setFailed(error);
    this.#setFailed(final);
    for (const [index, one] of errors.entries()) this.#span.addAttribute(`gokit.retry.error.${index + 1}`, textOf(one));
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

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A response whose `failed` throws must not fail the call that it answers. */
function failureIn(response: unknown): unknown {
  try {
    return failureOf(response);
  } catch (cause) {
    return cause;
  }
}
