import { codeOf, codes, type Context, failureOf } from "@kit/endpoint";
import {
  type Attributes,
  context,
  type Context as OtelContext,
  diag,
  type Span,
  SpanKind,
  SpanStatusCode,
} from "@opentelemetry/api";
import { isMessages, watched } from "./watched.ts";

/** What is the same for all calls of one middleware. */
export interface CallSpanOptions {
  readonly kind: SpanKind;
  readonly ignoreBusinessErrors: boolean;
}

/** The recorded span of one call, until the call's promise, its stream or its context ends it, whichever is first. */
export class CallSpan {
  readonly #span: Span;
  /** What has this span, for the steps of a stream. */
  readonly #active: OtelContext;
  readonly #options: CallSpanOptions;
  /** Missing while the constructor runs, which is when a context that is over already ends the span. */
  readonly #forget: (() => void) | undefined;
  #open = true;

  constructor(span: Span, active: OtelContext, ctx: Context, options: CallSpanOptions) {
    this.#span = span;
    this.#active = active;
    this.#options = options;
    this.#forget = ctx.onCancel(this.fail);
  }

  /** Returns the response, or the same stream watched. */
  readonly succeed = <Response>(response: Response): Response => {
    if (!this.#open) return response;
    try {
      if (isMessages(response)) {
        const run = <T>(step: () => Promise<T>): Promise<T> => context.with(this.#active, step);
        return watched(response, run, () => this.#end(() => this.#tellSuccess(undefined)), this.fail) as Response;
      }
    } catch (error) {
      diag.error("@kit/tracing-otel: a stream cannot be watched", error);
    }
    this.#end(() => this.#tellSuccess(response));
    return response;
  };

  readonly fail = (error: unknown): void => this.#end(() => this.#tellFailure(error));

  /** Nothing that goes wrong with a span is worth the call that it tells of. */
  #end(tell: () => void): void {
    if (!this.#open) return;
    this.#open = false;
    this.#forget?.();
    try {
      tell();
    } catch (error) {
      diag.error("@kit/tracing-otel: a call's outcome cannot be told", error);
    }
    try {
      this.#span.end();
    } catch (error) {
      diag.error("@kit/tracing-otel: a span cannot be ended", error);
    }
  }

  #tellSuccess(response: unknown): void {
    this.#set("rpc.status_code", "OK");
    const failure = failureIn(response);
    if (failure === undefined) return;
    this.#span.setAttribute("gokit.business.error", textOf(failure));
    if (!this.#options.ignoreBusinessErrors) this.#markFailed(failure);
  }

  #tellFailure(error: unknown): void {
    const code = codeOf(error);
    this.#set("rpc.status_code", code.toUpperCase());
    // As the conventions have it, an error that blames the caller is no failure of a server.
    if (this.#options.kind === SpanKind.SERVER && codes[code].http < 500) this.#span.setAttribute("error.type", code);
    else this.#markFailed(error);
    this.#span.setAttributes(retriesOf(error));
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

/** What each attempt of a `RetryError`, as `@kit/lb` makes them, failed with; by go-kit's names. */
function retriesOf(error: unknown): Attributes {
  const attributes: Attributes = {};
  const { name, errors } = (error ?? {}) as { readonly name?: unknown; readonly errors?: unknown };
  if (name === "RetryError" && Array.isArray(errors)) {
    for (const [index, one] of errors.entries()) attributes[`gokit.retry.error.${index + 1}`] = textOf(one);
  }
  return attributes;
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
