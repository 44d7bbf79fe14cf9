import { type Context, failureOf } from "@kit/endpoint";
import type { CallSpan } from "./call-span.ts";
import { isMessages, watched } from "./watched.ts";

/**
 * Calls, and ends the span with the call: when its promise settles, its stream is read to the end or left, or its context is over,
 * whichever is first. Nothing that goes wrong with the span is worth the call.
 *
 * @param ctx - the call's. If it is over already, the span ends at once; the call is made all the same.
 * @param call - calls the endpoint, with the span in its context.
 * @returns the call's outcome, the same objects; a stream of messages is one that hands them on.
 *
 * @example
 * return (request, ctx) => inSpan(new PrintedSpan(name), ctx, () => next(request, ctx));
 */
export function inSpan<Response>(span: CallSpan, ctx: Context, call: () => Promise<Response>): Promise<Response> {
  let open = true;
  // Missing while the context is asked, which ends the span if that is over.
  let forget: (() => void) | undefined = undefined;

  const end = (succeeded: boolean, outcome: unknown): void => {
    if (!open) return;
    open = false;
    forget?.();
    try {
      if (succeeded) span.tellSuccess(failureIn(outcome));
      else span.tellFailure(outcome);
    } catch (error) {
      report(span, "a call's outcome cannot be told", error);
    }
    try {
      span.finish();
    } catch (error) {
      report(span, "a span cannot be ended", error);
    }
  };
  const fail = (error: unknown): void => end(false, error);
  const succeed = (response: Response): Response => {
    if (!open) return response;
    try {
      if (isMessages(response)) return watched(response, span, () => end(true, undefined), fail) as Response;
    } catch (error) {
      report(span, "a stream cannot be watched", error);
    }
    end(true, response);
    return response;
  };

  forget = ctx.onCancel(fail);
  try {
    return call().then(succeed, (error: unknown) => {
      fail(error);
      throw error;
    });
  } catch (error) {
    // An endpoint that is no async function may throw before it has a promise.
    fail(error);
    throw error;
  }
}

function report(span: CallSpan, what: string, error: unknown): void {
  try {
    span.report(what, error);
  } catch {
    // There is nobody left to tell.
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
