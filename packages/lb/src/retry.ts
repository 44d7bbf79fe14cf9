import { type Context, type Endpoint, isKitError } from "@kit/endpoint";
import type { Backoff } from "@kit/sd";
import { attempt } from "./attempt.ts";
import type { Balancer } from "./balancer.ts";
import { retryError } from "./retry-error.ts";

/** A callback's word on a failed attempt: whether to try again and, if not, the error to fail with instead. */
export type RetryVerdict = boolean | { readonly retry: boolean; readonly error?: Error };

export interface RetryOptions {
  /** How often to try in all, at least once. @default 3, which outlives two bad instances and still bounds the load on a service that is down */
  readonly attempts?: number;
  /** How long all attempts together may take, in ms; the caller's nearer deadline stands. A streamed response is part of the call. @default none, the caller decides */
  readonly timeoutMs?: number;
  /**
   * The wait before each further attempt. With it, the `retryAfterMs` of an error is waited for where that is longer, unless the request was not sent: an
   * instance's own breaker or limit says nothing of the next instance. A wait that would last to the deadline is not begun. @default none, as in go-kit: the
   * next attempt goes to another instance
   */
  readonly backoff?: Backoff;
  /** Which errors another attempt may mend. One that it cannot is the call's outcome, as it is. @default all, as in go-kit */
  readonly retryable?: (error: unknown) => boolean;
  /** Asked after each failed attempt, the first being 1, that is retryable. @default `() => true` */
  readonly callback?: (attempt: number, error: unknown) => RetryVerdict;
}

/** The longest delay that `setTimeout` takes; beyond, it fires at once. */
const longestDelayMs = 2 ** 31 - 1;

/**
 * An endpoint that asks the balancer for an endpoint and calls it, and again when that fails. A balancer's error is a failed attempt, too.
 * Another attempt goes to an endpoint that the call has not tried, if a few picks come up with one; go-kit takes whatever comes.
 *
 * When its context ends, by the deadline or by the caller, the call fails at once; an attempt under way sees its own context end and is not
 * waited for. A request that is a stream can be read once, so it is retried only as long as it was not sent.
 *
 * @throws {RetryError} when no attempt is left, or the callback has ended it.
 * @throws what an attempt failed with, when that is not retryable.
 * @throws the context's own error when it has ended; once an attempt had failed, as the `final` of a {@link RetryError}.
 * @throws {TypeError} at construction, for an option that makes no sense.
 * @see go-kit sd/lb/retry.go
 */
export function retry<Request, Response>(
  balancer: Balancer<Endpoint<Request, Response>>,
  options: RetryOptions = {},
): Endpoint<Request, Response> {
  const { attempts = 3, timeoutMs, backoff, retryable = () => true, callback = () => true } = options;
  if (!(Number.isSafeInteger(attempts) && attempts >= 1)) {
    throw new TypeError(`retry: attempts must be a positive integer, got ${attempts}`);
  }
  if (timeoutMs !== undefined && !(timeoutMs > 0)) {
    throw new TypeError(`retry: timeoutMs must be a positive number, got ${timeoutMs}`);
  }

  return (request, outer) =>
    new Promise((resolve, reject) => {
      if (outer.cancelled !== undefined) {
        reject(outer.cancelled);
        return;
      }
      const ctx = timeoutMs === undefined ? outer : outer.withTimeout(timeoutMs);
      const errors: unknown[] = [];
      let tried: Set<Endpoint<Request, Response>> | undefined;
      let picked: Endpoint<Request, Response> | undefined;
      let live = true;
      let pause: NodeJS.Timeout | undefined;
      let forget = nothing;

      function finish(): void {
        live = false;
        clearTimeout(pause);
        forget();
      }

      function succeed(response: Response): void {
        if (!live) return;
        finish();
        resolve(response);
      }

      function fail(error: unknown): void {
        finish();
        reject(error);
      }

      function end(cause: Error): void {
        fail(errors.length === 0 ? cause : retryError(errors, cause, errors.length));
      }

      function giveUp(error: unknown): void {
        fail(retryError(errors, error, errors.length - 1));
      }

      function failed(error: unknown): void {
        if (!live) return;
        const cause = ctx.cancelled;
        if (cause === undefined || error !== cause) errors.push(error);
        if (cause !== undefined) {
          end(cause);
          return;
        }
        try {
          if (!retryable(error) || (isStream(request) && !wasNotSent(error))) {
            fail(error);
            return;
          }
          const verdict = callback(errors.length, error);
          const { retry: again, error: instead = error } = typeof verdict === "boolean" ? { retry: verdict } : verdict;
          // The callback may have ended the context.
          if (!live) return;
          if (!again || errors.length === attempts) {
            giveUp(instead);
            return;
          }
          const askedMs = wasNotSent(error) ? 0 : retryAfterMs(error);
          const waitMs = backoff === undefined ? 0 : Math.max(backoff(errors.length - 1), askedMs);
          if (Date.now() + waitMs >= (ctx.deadline ?? Infinity)) giveUp(instead);
          else if (waitMs > 0) pause = setTimeout(start, Math.min(waitMs, longestDelayMs));
          else start();
        } catch (thrown) {
          fail(thrown);
        }
      }

      /** Balancers go round for all calls together, so the next pick for this one may be what has just failed it. */
      function pickUntried(): Endpoint<Request, Response> {
        if (picked !== undefined) (tried ??= new Set()).add(picked);
        let endpoint = balancer.pick(ctx, request);
        for (let more = 2 * (tried?.size ?? 0); more > 0 && tried?.has(endpoint); more--) {
          endpoint = balancer.pick(ctx, request);
        }
        return endpoint;
      }

      function start(): void {
        try {
          picked = pickUntried();
          picked(request, numbered(ctx, errors.length + 1)).then(succeed, failed);
        } catch (error) {
          // Later, so that attempts which all fail like this do not nest.
          queueMicrotask(() => failed(error));
        }
      }

      forget = ctx.onCancel(end);
      if (live) start();
    });
}

function nothing(): void {}

function numbered(ctx: Context, count: number): Context {
  return count === 1 && ctx.get(attempt) === undefined ? ctx : ctx.with(attempt, count);
}

function isStream(request: unknown): boolean {
  return typeof (request as AsyncIterable<unknown> | null | undefined)?.[Symbol.asyncIterator] === "function";
}

/** Whether the request certainly never left this process. */
export function wasNotSent(error: unknown): boolean {
  return isKitError(error) && error.notSent === true;
}

function retryAfterMs(error: unknown): number {
  return (isKitError(error) ? error.retryAfterMs : undefined) ?? 0;
}
