import { guarded } from "./guarded.ts";
import { byAddress, type Instance, parseInstance, sameInstance } from "./instance.ts";
import type { Instancer, InstancerEvent, InstancerStatus } from "./instancer.ts";

export interface InstanceCacheOptions {
  /** The clock behind `status.since`, in ms since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/** An instancer that is told what to tell: the state and the subscribers of any instancer, without the watching. */
export interface InstanceCache extends Instancer {
  /**
   * Takes the whole list, in any order. Of several instances with one address the first counts. Subscribers are told when it differs from
   * the last, or when an error came between; an instance that says the same as before stays the same object. One that `parseInstance` made is taken as it is, and
   * costs least when it comes again.
   *
   * @throws {TypeError} when one is no instance; then the last list stands.
   */
  update(instances: Iterable<Instance>): void;
  /** Says that the list cannot be had; the last one still stands. An error like the one before is not told again. */
  fail(error: Error): void;
}

interface Entry {
  instance: Instance;
  /** The last update that had it. */
  seen: number;
  /** What followed it in that update: a guess that saves a look-up in most updates, and most of their cost. */
  follower: Entry | undefined;
}

type Listener = (event: InstancerEvent) => void;

/**
 * Makes an instancer out of a source of lists. Adapters that watch a registry want {@link watchInstancer}, which is made on it; by itself
 * it serves sources that push, and tests.
 *
 * @see go-kit sd/internal/instance/cache.go
 */
export function instanceCache(options: InstanceCacheOptions = {}): InstanceCache {
  const { now = Date.now } = options;
  const known = new Map<string, Entry>();
  const subscribers = new Set<Listener>();
  const untold: [InstancerEvent, Listener[]][] = [];
  let sorted: Entry[] = [];
  let list: readonly Instance[] | undefined;
  let updates = 0;
  let status: InstancerStatus = Object.freeze({ state: "pending", since: now() });
  let closed = false;

  /** A listener that makes for another event does not keep it from being the next that everybody hears. */
  function tell(event: InstancerEvent): void {
    untold.push([Object.freeze(event), [...subscribers]]);
    if (untold.length > 1) return;
    for (let next = untold[0]; next !== undefined; untold.shift(), next = untold[0]) {
      for (const subscriber of next[1]) if (subscribers.has(subscriber)) subscriber(next[0]);
    }
  }

  /** One pass, since a list of ten thousand may change every second: what was in order stays so. */
  function replace(fresh: readonly Instance[]): void {
    const entries: Entry[] = [];
    const instances: Instance[] = [];
    let next = 0;
    for (const entry of sorted) {
      const { instance } = entry;
      if (entry.seen !== updates) {
        known.delete(instance.address);
        continue;
      }
      while (next < fresh.length && fresh[next]!.address < instance.address) add(fresh[next++]!);
      entries.push(entry);
      instances.push(instance);
    }
    while (next < fresh.length) add(fresh[next++]!);
    sorted = entries;
    list = Object.freeze(instances);

    function add(instance: Instance): void {
      if (known.has(instance.address)) return;
      const entry = { instance, seen: updates, follower: undefined };
      known.set(instance.address, entry);
      entries.push(entry);
      instances.push(instance);
    }
  }

  async function close(): Promise<void> {
    closed = true;
    subscribers.clear();
  }

  return {
    update(instances) {
      if (closed) return;
      updates += 1;
      let kept = 0;
      let previous: Entry | undefined;
      const fresh: Instance[] = [];
      const changed: [Entry, Instance][] = [];
      for (const instance of instances) {
        let entry = previous?.follower;
        // Adapters yield the same object for what has not changed: no look at its address.
        if (entry?.instance !== instance && entry?.instance.address !== instance.address) {
          entry = known.get(instance.address);
        }
        if (entry === undefined) {
          fresh.push(parseInstance(instance));
        } else if (entry.seen !== updates) {
          entry.seen = updates;
          kept += 1;
          if (previous !== undefined) previous.follower = entry;
          previous = entry;
          if (!sameInstance(entry.instance, instance)) changed.push([entry, parseInstance(instance)]);
        }
      }
      // One that is about to go must not be anybody's follower.
      if (previous !== undefined) previous.follower = undefined;
      // Nothing has thrown: from here on the new list is the state.
      const differs = list === undefined || fresh.length > 0 || changed.length > 0 || kept < sorted.length;
      if (differs) {
        for (const [entry, instance] of changed) entry.instance = instance;
        replace(fresh.toSorted(byAddress));
      }
      const healed = status.state !== "fresh";
      if (healed) status = Object.freeze({ state: "fresh", since: now() });
      if (differs || healed) tell({ instances: list! });
    },

    fail(error) {
      if (closed || (status.error !== undefined && sameError(status.error, error))) return;
      const state = list === undefined ? "failing" : "stale";
      status = Object.freeze({ state, since: status.state === state ? status.since : now(), error });
      tell({ error });
    },

    subscribe(listener) {
      if (closed) return () => {};
      const subscriber = guarded(listener);
      subscribers.add(subscriber);
      const { error } = status;
      if (list !== undefined) subscriber(Object.freeze({ instances: list }));
      if (error !== undefined && subscribers.has(subscriber)) subscriber(Object.freeze({ error }));
      return () => void subscribers.delete(subscriber);
    },

    get status() {
      return status;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Alike to whoever reads it; a driver makes a new error for each failed attempt. */
function sameError(a: Error, b: Error): boolean {
  return a === b || (String(a) === String(b) && String(a.cause) === String(b.cause));
}
