import { type Context, failureOf } from "@kit/endpoint";
import { isMessages, watched } from "./watched.ts";

/**
 * The recorded span of one call, until the call's promise, its stream or its context ends it, whichever is first. A subclass has the
 * library's own span and says how to tell it of the outcome. Nothing that goes wrong with a span is worth the call that it tells of, so
 * whatever a subclass throws goes to its `report`.
 *
 * @example
 * const span = new PrintedSpan(name);
 * return span.around(ctx, () => next(request, child));
 */
export abstract class CallSpan {
  /** Missing until the context is followed, which is when one that is over already ends the span. */
  #forget: (() => void) | undefined;
  #open = true;

  /**
   * Calls, and ends the span with what comes of it. The response that comes out is the same; so is a stream, but for being watched.
   *
   * @param ctx - the call's own. The span ends with it even where the endpoint goes on; if it is over already, at once.
   * @param call - calls the endpoint.
   */
  around<Response>(ctx: Context, call: () => Promise<Response>): Promise<Response> {
    this.#forget = ctx.onCancel(this.#fail);
    try {
      return call().then(this.#succeed, this.#failWith);
    } catch (error) {
      // An endpoint that is no async function may throw before it has a promise.
      return this.#failWith(error);
    }
  }

  /** Tells the span that its call has succeeded, or its stream. Called once, and not after `tellFailure`. @param failure - the business failure that the response carries, else `undefined` */
  protected abstract tellSuccess(failure: unknown): void;

  /** Tells the span what its call has failed with, or its stream, or why its context is over. Called once, and not after `tellSuccess`. */
  protected abstract tellFailure(error: unknown): void;

  /** Ends the span itself. Called once, after the outcome has been told. */
  protected abstract finish(): void;

  /** Hears what these have thrown, and what they were to do. What it throws itself nobody hears. */
  protected abstract report(what: string, error: unknown): void;

  /** Takes one step of the stream that is the response, for a library that has an active span. */
  protected step<T>(take: () => T): T {
    return take();
  }

  readonly #succeed = <Response>(response: Response): Response => {
    if (!this.#open) return response;
    try {
      if (isMessages(response)) return this.#watched(response) as Response;
    } catch (error) {
      this.#report("a stream cannot be watched", error);
    }
    this.#end(() => this.tellSuccess(failureIn(response)));
    return response;
  };

  readonly #fail = (error: unknown): void => this.#end(() => this.tellFailure(error));

  readonly #failWith = (error: unknown): never => {
    this.#fail(error);
    throw error;
  };

  #watched(messages: AsyncIterable<unknown>): AsyncIterable<unknown> {
    return watched(messages, {
      step: (take) => this.step(take),
      done: () => this.#end(() => this.tellSuccess(undefined)),
      failed: this.#fail,
    });
  }

  #end(tell: () => void): void {
    if (!this.#open) return;
    this.#open = false;
    this.#forget?.();
    try {
      tell();
    } catch (error) {
      this.#report("a call's outcome cannot be told", error);
    }
    try {
      this.finish();
    } catch (error) {
      this.#report("a span cannot be ended", error);
    }
  }

  #report(what: string, error: unknown): void {
    try {
      this.report(what, error);
    } catch {
      // There is nobody left to tell.
    }
  }
}

/** A response whose `failed` throws must not fail the call that it answers. */
function failureIn(response: unknown): unknown {
  try {
    return failureOf(response);
  } catch (cause) {
    return cause;
  }
}
