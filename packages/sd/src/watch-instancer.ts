import { background, type Context } from "@kit/endpoint";
import { type Backoff, backoff } from "./backoff.ts";
import type { Instance } from "./instance.ts";
import { instanceCache } from "./instance-cache.ts";
import type { Instancer } from "./instancer.ts";
import { pause } from "./pause.ts";
import { registryError } from "./registry-error.ts";

export interface WatchInstancerOptions {
  /**
   * Follows the registry until `ctx` ends, calling `update` with the whole list whenever there is a new one: in a loop around a
   * long poll, a loop that sleeps between polls, or from a watcher's callbacks. It is done when its promise is.
   *
   * When it rejects, subscribers are told, and it is called again after a backoff; also when it just returns, so that nothing can make
   * it spin. `ctx` is a new one for each call and ends with it, so `ctx.onCancel` is the place to let go of watchers. It must settle soon after `ctx` ends:
   * `close` waits for it.
   *
   * A `KitError` is told as it is; anything else as an `unavailable` with the error as its cause.
   */
  readonly watch: (update: (instances: Iterable<Instance>) => void, ctx: Context) => Promise<void>;
  /** The waits between calls of `watch`, counted from the last `update`. @default 100 ms to 10 s, so that a registry that is back is found within 10 s */
  readonly backoff?: Backoff;
  /** The clock behind `status.since`, in ms since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/**
 * Makes an instancer out of one function that follows a registry; what is the same for all registries is done here: what subscribers
 * are told, the status, trying again, closing. It starts at once, and keeps the process alive until it is closed.
 *
 * @example
 * const instancer = watchInstancer({
 *   async watch(update, ctx) {
 *     for (let index = 0; ; ) {
 *       const answer = await query({ index, signal: ctx.signal });
 *       update(answer.instances);
 *       index = answer.index;
 *     }
 *   },
 * });
 */
export function watchInstancer(options: WatchInstancerOptions): Instancer {
  const { watch, backoff: waitMs = backoff({ baseMs: 100, maxMs: 10_000 }), now = Date.now } = options;
  const cache = instanceCache({ now });
  const open = background.withCancel();
  const watched = keepWatching();

  async function keepWatching(): Promise<void> {
    let failures = 0;
    while (open.cancelled === undefined) {
      const run = open.withCancel();
      try {
        await watch((instances) => {
          if (run.cancelled !== undefined) return;
          cache.update(instances);
          failures = 0;
        }, run);
      } catch (error) {
        cache.fail(registryError(error));
      }
      run.cancel();
      await pause(waitMs(failures++), open, { keepsAlive: true });
    }
  }

  async function close(): Promise<void> {
    void cache.close();
    open.cancel();
    await watched;
  }

  return {
    subscribe: (listener) => cache.subscribe(listener),
    get status() {
      return cache.status;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
