import { codeOf, type Context, failureOf } from "@kit/endpoint";
import { type Span, Tags } from "opentracing";
import { type OnError, tell } from "./fault.ts";
import { isMessages, watched } from "./watched.ts";

/** What is the same for all calls of one middleware. */
export interface CallSpanOptions {
  readonly ignoreBusinessErrors: boolean;
  readonly onError: OnError | undefined;
}

/** The span of one call, until the call's promise, its stream or its context finishes it, whichever is first. */
export class CallSpan {
  readonly #span: Span;
  readonly #options: CallSpanOptions;
  /** Missing while the constructor runs, which is when a context that is over already finishes the span. */
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
        return watched(response, () => this.#finish(() => this.#tellSuccess(undefined)), this.fail) as Response;
      }
    } catch (error) {
      tell(this.#options.onError, error);
    }
    this.#finish(() => this.#tellSuccess(response));
    return response;
  };

  readonly fail = (error: unknown): void => this.#finish(() => this.#tellFailure(error));

  #finish(outcome: () => void): void {
    if (!this.#open) return;
    this.#open = false;
    this.#forget?.();
    try {
      outcome();
    } catch (error) {
      tell(this.#options.onError, error);
    }
    try {
      this.#span.finish();
    } catch (error) {
      tell(this.#options.onError, error);
    }
  }

  #tellSuccess(response: unknown): void {
    const failure = failureIn(response);
    if (failure === undefined) return;
    this.#span.log({ "gokit.business.error": textOf(failure) });
    if (!this.#options.ignoreBusinessErrors) this.#tellFailure(failure);
  }

  /** As go-kit's tracing does by `ext.LogError`; `error.kind`, `message` and `stack` for tracers that write an `Error` as `{}`. */
  #tellFailure(error: unknown): void {
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
}

/** What each attempt of a `RetryError`, as `@kit/lb` makes them, failed with; by go-kit's names. */
function retriesOf(error: unknown): Record<string, string> {
  const fields: Record<string, string> = {};
  const { name, errors } = (error ?? {}) as { readonly name?: unknown; readonly errors?: unknown };
  if (name === "RetryError" && Array.isArray(errors)) {
    for (const [index, one] of errors.entries()) fields[`gokit.retry.error.${index + 1}`] = textOf(one);
  }
  return fields;
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
