import type { Endpoint } from "@kit/endpoint";
import { type Backoff, backoff } from "./backoff.ts";
import { guarded } from "./guarded.ts";
import { type Instance, sameInstance } from "./instance.ts";
import type { Instancer } from "./instancer.ts";
import { isWithin, optionError } from "./option.ts";

/** What a {@link Factory} makes for an instance. */
export interface Made<T> {
  readonly endpoint: T;
  /** Called once, when the instance has gone or the endpointer is closed. */
  readonly close?: () => void | Promise<void>;
}

/** Connects to one instance; usually cheap and lazy, since it is called as soon as an instance is known. */
export type Factory<T = Endpoint> = (instance: Instance) => Made<T>;

/** A live list of what a factory made of a service's instances. */
export interface Endpointer<T = Endpoint> {
  /**
   * What can be called now, in the order of the instances' addresses. The same array until something changes, so that a balancer can keep what it derived from it.
   *
   * @throws the instancer's error, once it has lasted longer than `invalidateOnErrorMs`.
   */
  endpoints(): readonly T[];
  /** The instances behind `endpoints()`, index by index. */
  instances(): readonly Instance[];
}

/** An endpointer that keeps in step with an instancer. Its maker closes it. */
export interface LiveEndpointer<T = Endpoint> extends Endpointer<T>, AsyncDisposable {
  /** Lets go of the instancer, then closes every endpoint; resolves when all that is being closed is. The list is empty from then on. Never rejects. Idempotent. */
  close(): Promise<void>;
}

export interface EndpointerOptions {
  /**
   * How long to go on with the last list after the instancer reported an error, in ms. Then all endpoints are closed, and `endpoints()` throws that
   * error until there is a list again. @default Infinity, since an old list is mostly right, and a balancer finds out who is gone
   */
  readonly invalidateOnErrorMs?: number;
  /** Told of the errors of the instancer, and, with the instance, of those of the factory and of what it made to close. @default nobody is told */
  readonly onError?: ((error: unknown, instance?: Instance) => void) | undefined;
  /** The waits before the factory is asked again for what it failed to make, counted from the last change of the list. @default 1 s to 1 min */
  readonly backoff?: Backoff;
  /** In ms. @default Date.now */
  readonly now?: () => number;
}

interface Failure {
  readonly error: Error;
  readonly invalidAt: number;
}

const none: readonly Instance[] = Object.freeze([]);

/**
 * Keeps an endpoint for each instance of a service. An instance that stays keeps its endpoint, also when its weight, zone or metadata
 * change; one that has gone leaves the list, and then its endpoint is closed. One that the factory fails on is left out and tried again.
 *
 * The instancer remains its maker's.
 *
 * @throws {TypeError} when an option is out of its range.
 * @see go-kit sd/endpointer.go, sd/endpoint_cache.go
 */
export function endpointer<T>(
  instancer: Instancer,
  factory: Factory<T>,
  options: EndpointerOptions = {},
): LiveEndpointer<T> {
  const {
    invalidateOnErrorMs = Infinity,
    onError,
    backoff: waitMs = backoff({ baseMs: 1_000, maxMs: 60_000 }),
    now = Date.now,
  } = options;
  if (!isWithin(invalidateOnErrorMs, 0, Infinity)) {
    throw optionError("endpointer: invalidateOnErrorMs", "a number of at least 0", invalidateOnErrorMs);
  }

  const report = guarded(onError);
  /** What the instancer told last. */
  let wanted: readonly Instance[] = none;
  // What the factory has made, index by index, in the order of the addresses. Each pick reads the endpoints: they are not frozen, since an
  // index into a frozen array takes V8 three times as long.
  let instances = none;
  let endpoints: readonly T[] = [];
  let made: readonly Made<T>[] = [];
  let failure: Failure | undefined;
  let retry: NodeJS.Timeout | undefined;
  const closing = new Set<Promise<void>>();
  let closed: Promise<void> | undefined;

  const unsubscribe = instancer.subscribe((event) => {
    if (event.error !== undefined) {
      failure ??= { error: event.error, invalidAt: now() + invalidateOnErrorMs };
      report(event.error);
    } else {
      failure = undefined;
      wanted = event.instances;
      sync(0);
    }
  });

  /** Walks what is wanted and what there is side by side: a list of ten thousand may change every second. */
  function sync(attempt: number): void {
    const nextInstances: Instance[] = [];
    const nextEndpoints: T[] = [];
    const nextMade: Made<T>[] = [];
    const gone: [Made<T>, Instance][] = [];
    const failed: [unknown, Instance][] = [];
    let changed = false;
    let at = 0;
    for (const instance of wanted) {
      // Those that stay are mostly the same objects: no look at their addresses.
      while (at < instances.length && instances[at] !== instance && instances[at]!.address < instance.address) {
        gone.push([made[at]!, instances[at++]!]);
      }
      const old = instances[at];
      if (old !== undefined && (old === instance || old.address === instance.address)) {
        changed ||= !sameInstance(old, instance);
        nextEndpoints.push(endpoints[at]!);
        nextMade.push(made[at++]!);
      } else {
        try {
          const fresh = factory(instance);
          nextEndpoints.push(fresh.endpoint);
          nextMade.push(fresh);
          changed = true;
        } catch (error) {
          failed.push([error, instance]);
          continue;
        }
      }
      nextInstances.push(instance);
    }
    while (at < instances.length) gone.push([made[at]!, instances[at++]!]);

    if (changed || gone.length > 0) {
      instances = Object.freeze(nextInstances);
      endpoints = nextEndpoints;
      made = nextMade;
    }
    clearTimeout(retry);
    if (failed.length > 0) retry = setTimeout(() => sync(attempt + 1), waitMs(attempt)).unref();
    for (const [old, instance] of gone) release(old, instance);
    for (const [error, instance] of failed) report(error, instance);
  }

  function clear(): void {
    const [goneMade, goneInstances] = [made, instances];
    wanted = none;
    clearTimeout(retry);
    if (goneMade.length > 0) [instances, endpoints, made] = [none, [], []];
    goneMade.forEach((old, at) => release(old, goneInstances[at]!));
  }

  function release(old: Made<T>, instance: Instance): void {
    if (old.close === undefined) return;
    const done = (async () => old.close!())()
      .catch((error: unknown) => report(error, instance))
      .finally(() => closing.delete(done));
    closing.add(done);
  }

  /** Whether the error has lasted too long for the last list to be of use, which is then let go of. */
  function hasInvalidated({ invalidAt }: Failure): boolean {
    if (now() < invalidAt) return false;
    clear();
    return true;
  }

  async function letGo(): Promise<void> {
    unsubscribe();
    failure = undefined;
    clear();
    await Promise.all(closing);
  }

  function close(): Promise<void> {
    return (closed ??= letGo());
  }

  return {
    endpoints() {
      if (failure !== undefined && hasInvalidated(failure)) throw failure.error;
      return endpoints;
    },
    instances() {
      if (failure !== undefined) hasInvalidated(failure);
      return instances;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
