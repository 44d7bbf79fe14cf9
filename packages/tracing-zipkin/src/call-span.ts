import { codeOf, type Context, failureOf } from "@kit/endpoint";
import { Annotation, type IAnnotation, type TraceId } from "zipkin";
import { nowMicros } from "./clock.ts";
import { isCall, type Kind, type TracedMethod } from "./traced-method.ts";
import type { FullTracer } from "./tracer.ts";
import { isMessages, watched } from "./watched.ts";

/** The recorded span of the call in hand. Once that is over, nothing can be added to it. */
export interface Span {
  readonly id: TraceId;
  /** Of two tags with one key the last one stands. */
  tag(key: string, value: string | number | boolean): void;
  /** Notes an event, with the time. */
  annotate(event: string): void;
}

/** What is the same for all calls of one middleware. */
export interface CallSpanOptions {
  readonly kind: Kind;
  readonly ignoreBusinessErrors: boolean;
}

/**
 * The span of one call, until the call's promise, its stream or its context ends it, whichever is first. Only then it is told to the
 * recorder, as a whole: of one that is told in parts the library makes two when it lasts longer than a minute, and the second has
 * no duration.
 */
export class CallSpan implements Span {
  readonly id: TraceId;
  readonly #tracer: FullTracer;
  readonly #method: TracedMethod;
  readonly #options: CallSpanOptions;
  readonly #timestamp: number = nowMicros();
  readonly #started: number = performance.now();
  readonly #told: (readonly [annotation: IAnnotation, timestamp: number])[] = [];
  #forget: (() => void) | undefined;
  #open = true;

  constructor(tracer: FullTracer, id: TraceId, method: TracedMethod, options: CallSpanOptions) {
    this.#tracer = tracer;
    this.id = id;
    this.#method = method;
    this.#options = options;
  }

  /** Ends with the context from now on, at once if that is over. */
  follow(ctx: Context): void {
    this.#forget = ctx.onCancel(this.fail);
  }

  tag(key: string, value: string | number | boolean): void {
    this.add(new Annotation.BinaryAnnotation(key, String(value)), this.#timestamp);
  }

  annotate(event: string): void {
    this.add(new Annotation.Message(event), this.#now());
  }

  add(annotation: IAnnotation, timestamp: number = this.#timestamp): void {
    if (this.#open) this.#told.push([annotation, timestamp]);
  }

  /** Returns the response, or the same stream watched. */
  readonly succeed = <Response>(response: Response): Response => {
    if (!this.#open) return response;
    try {
      if (isMessages(response)) {
        return watched(response, () => this.#end(() => this.#tellSuccess(undefined)), this.fail) as Response;
      }
    } catch (error) {
      this.#tracer.log.error("@kit/tracing-zipkin: a stream cannot be watched", error);
    }
    this.#end(() => this.#tellSuccess(response));
    return response;
  };

  readonly fail = (error: unknown): void => this.#end(() => this.#tellFailure(error));

  /** Nothing that goes wrong with a span is worth the call that it tells of. */
  #end(tell: () => void): void {
    if (!this.#open) return;
    const now = this.#now();
    try {
      tell();
    } catch (error) {
      this.#tracer.log.error("@kit/tracing-zipkin: a call's outcome cannot be told", error);
    }
    this.#open = false;
    this.#forget?.();
    try {
      this.#tracer.letId(this.id, () => {
        for (const annotation of this.#method.begin) this.#tracer.recordAnnotation(annotation, this.#timestamp);
        for (const [annotation, timestamp] of this.#told) this.#tracer.recordAnnotation(annotation, timestamp);
        this.#tracer.recordAnnotation(this.#method.end, now);
      });
    } catch (error) {
      this.#tracer.log.error("@kit/tracing-zipkin: a span cannot be recorded", error);
    }
  }

  #now(): number {
    return this.#timestamp + Math.round((performance.now() - this.#started) * 1000);
  }

  #tellSuccess(response: unknown): void {
    if (isCall(this.#options.kind)) this.tag("rpc.status_code", "OK");
    const failure = failureIn(response);
    if (failure === undefined) return;
    this.tag("gokit.business.error", textOf(failure));
    if (!this.#options.ignoreBusinessErrors) this.#markFailed(failure);
  }

  #tellFailure(error: unknown): void {
    if (isCall(this.#options.kind)) this.tag("rpc.status_code", codeOf(error).toUpperCase());
    this.#markFailed(error);
    for (const [index, one] of attemptsOf(error).entries()) this.tag(`gokit.retry.error.${index + 1}`, textOf(one));
  }

  #markFailed(error: unknown): void {
    const code = codeOf(error);
    this.tag("error.type", code);
    this.tag("error", textOf(error) || code);
  }
}

/** What each attempt of a `RetryError`, as `@kit/lb` makes them, failed with. */
function attemptsOf(error: unknown): readonly unknown[] {
  const { name, errors } = (error ?? {}) as { readonly name?: unknown; readonly errors?: unknown };
  return name === "RetryError" && Array.isArray(errors) ? errors : [];
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
