import { type AnyMiddleware, background, type Context, type KitError } from "@kit/endpoint";
import type { Breaker, TwoStepBreaker } from "./breaker.ts";
import { guarded } from "./guarded.ts";

/** What the outcome of a call that was let through is told to. It may serve many calls that have the same standing. */
export interface Admission {
  /** Returns the response. A property, since it is handed to `then` as it is. */
  readonly succeeded: <Response>(response: Response) => Response;
  failed(error: unknown): void;
  /** The call ended, and its outcome says nothing of the callee. */
  excluded(): void;
}

/** A breaker's state machine, without the calls. */
export interface Circuit<Counts = unknown> {
  readonly name: string;
  readonly state: Breaker["state"];
  readonly counts: Counts;
  /** Lets a call through, or does not. */
  readonly admit: () => Admission | undefined;
  /** What a call that is not let through is refused with. */
  readonly refusal: () => KitError;
}

/** Whether an error says nothing of the callee: see {@link causedByCaller}. */
export type IsExcluded = (error: unknown, ctx: Context) => boolean;

/**
 * Makes a breaker of its state machine. A call is one more frame, and a refusal no more than the rejection.
 *
 * A call whose context is over is refused with that context's error and not counted: the callee never saw it. The promise of the endpoint
 * is what counts: a stream when it is opened, a response that is a `Failer` as a success.
 */
export function circuitBreaker<Counts>(circuit: Circuit<Counts>, isExcluded: IsExcluded): TwoStepBreaker<Counts> {
  const { admit, refusal } = circuit;
  const excludes = guarded(isExcluded, false);

  function failed(admission: Admission, error: unknown, ctx: Context): void {
    if (excludes(error, ctx)) admission.excluded();
    else admission.failed(error);
  }

  const middleware: AnyMiddleware = (next) => (request, ctx) => {
    const over = ctx.cancelled;
    if (over !== undefined) return Promise.reject(over);
    const admission = admit();
    if (admission === undefined) return Promise.reject(refusal());
    try {
      return next(request, ctx).then(admission.succeeded, (error: unknown) => {
        failed(admission, error, ctx);
        throw error;
      });
    } catch (error) {
      // An endpoint that is no async function may throw before it has a promise.
      failed(admission, error, ctx);
      throw error;
    }
  };

  function allow(): (error?: unknown) => void {
    let admission = admit();
    if (admission === undefined) throw refusal();
    return (error) => {
      const told = admission;
      admission = undefined;
      if (told === undefined) return;
      if (error === undefined) told.succeeded(undefined);
      else failed(told, error, background);
    };
  }

  return withMembers<TwoStepBreaker<Counts>>(middleware, {
    name: circuit.name,
    allow,
    get state() {
      return circuit.state;
    },
    get counts() {
      return circuit.counts;
    },
  });
}

/** Makes a breaker of a middleware, by giving it a breaker's members; getters stay getters. */
export function withMembers<B extends Breaker>(middleware: AnyMiddleware, members: { [Name in keyof B]: B[Name] }): B {
  return Object.defineProperties(middleware, Object.getOwnPropertyDescriptors(members)) as B;
}
