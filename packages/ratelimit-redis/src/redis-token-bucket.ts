import { type Context, KitError } from "@kit/endpoint";
import {
  type Allower,
  type Forgettable,
  limitRefusal,
  type Quota,
  type TokenBucket,
  type Waiter,
} from "@kit/ratelimit";
import { Fleet } from "./fleet.ts";
import type { RedisClient } from "./redis-client.ts";

export interface RedisTokenBucketsOptions {
  /** An ioredis or a node-redis client, or a cluster of either; its errors are yours to listen to, and it is not closed here. */
  readonly client: RedisClient;
  /** Calls that may go on each second in the whole fleet, in the long run. */
  readonly ratePerSecond: number;
  /** Calls that may go on at once in the whole fleet after a quiet time: what a bucket holds. A whole number, at least 1. */
  readonly burst: number;
  /**
   * What becomes of calls while Redis does not answer: all go on (`"allow"`: right for a limit that keeps load even), all are refused with `unavailable` (`"refuse"`: for
   * one that guards a password), or a local bucket made by this function decides. No default, as neither is right for most.
   */
  readonly whenAway: "allow" | "refuse" | ((key: string) => TokenBucket);
  /** What the names of its keys in Redis begin with; a colon follows. Limits that are not one must differ in it. @default "ratelimit" */
  readonly prefix?: string;
  /** How long Redis may take to answer, in ms. No decision takes longer. @default 100, some hundred times what a Redis nearby takes */
  readonly timeoutMs?: number;
  /** For how long Redis is not asked after it has not answered in time, in ms; then one call tries. @default 1_000 */
  readonly retryMs?: number;
  /** Calls of one key that may wait at one time, in this process; a further one is refused. @default 1_000, as a `tokenBucket` has it */
  readonly maxWaiting?: number;
  /** Told why Redis was not of use, at most once each `retryMs`. @default nobody is told */
  readonly onError?: (error: KitError) => void;
}

/** A bucket that lies in Redis. */
export interface RedisTokenBucket extends Allower, Waiter, Forgettable {
  /**
   * Whether a token was there, now taken. At once and without Redis where it has said that there is none yet.
   *
   * @throws {KitError} `unavailable` while Redis is away, with `whenAway: "refuse"`.
   */
  allow(): boolean | Promise<boolean>;
  /** When the next token comes, in whole ms, as Redis last said. */
  retryAfterMs(): number;
  /** What the bucket held after the last call; `undefined` before the first, and where all calls go on without Redis. */
  quota(): Quota | undefined;
  /**
   * Resolves when a token was taken, in this process first come, first served. However many wait for a key, one asks for all.
   *
   * @throws the context's own error when it is over, at the start or while waiting.
   * @throws {KitError} `resource_exhausted` with `retryAfterMs`: when the next token comes after the context's deadline, and when `maxWaiting` calls wait already. What
   *   `allow` throws.
   */
  wait(ctx: Context): Promise<void>;
  /** Whether nothing is lost by forgetting it: the bucket itself is in Redis. */
  idle(): boolean;
}

/**
 * Token buckets that many machines share: for each key one, in Redis. In any stretch of time t no more than `burst + ratePerSecond * t` calls go on in the whole fleet.
 *
 * @returns the bucket of a key. Keep it, as a `keyedLimiter` does, or what it knows of Redis is asked again.
 * @throws {TypeError} for an option that makes no sense.
 * @example
 * const buckets = redisTokenBuckets({ client: new Redis(), ratePerSecond: 100, burst: 20, whenAway: "allow" });
 * chain(erroringLimiter(buckets("sum")), keyedLimiter({ key: tenantOf, limit: buckets }))(endpoint)
 */
export function redisTokenBuckets(options: RedisTokenBucketsOptions): (key: string) => RedisTokenBucket {
  const { client, ratePerSecond, burst, whenAway, prefix = "ratelimit", maxWaiting = 1_000 } = options;
  const { timeoutMs = 100, retryMs = 1_000, onError } = options;
  const wrong = (message: string): TypeError => new TypeError(`redisTokenBuckets: ${message}`);
  if (typeof client?.eval !== "function") throw wrong("client must be an ioredis or a node-redis client");
  if (!(ratePerSecond > 0 && ratePerSecond <= 1e6)) {
    throw wrong(
      `ratePerSecond must be a number up to 1000000, which Redis's clock can tell apart, got ${ratePerSecond}`,
    );
  }
  if (!(Number.isSafeInteger(burst) && burst >= 1)) throw wrong(`burst must be a positive integer, got ${burst}`);
  if (burst / ratePerSecond > 1e9)
    throw wrong(`burst must come back within 30 years, got ${burst} at ${ratePerSecond}`);
  if (whenAway !== "allow" && whenAway !== "refuse" && typeof whenAway !== "function") {
    throw wrong(`whenAway must be "allow", "refuse" or a function, got ${String(whenAway)}`);
  }
  if (typeof prefix !== "string" || prefix === "") throw wrong("prefix must be a name");
  for (const [name, value] of Object.entries({ timeoutMs, retryMs })) {
    if (!(value >= 1 && value < 2 ** 31))
      throw wrong(`${name} must be a number from 1 to ${2 ** 31 - 1}, got ${value}`);
  }
  if (!(maxWaiting >= 0)) throw wrong(`maxWaiting must not be negative, got ${maxWaiting}`);

  const tokenMs = 1_000 / ratePerSecond;
  const fleet = new Fleet({ client, prefix, burst, tokenMs, timeoutMs, retryMs, onError });
  const shared: Shared = { fleet, burst, tokenMs, whenAway, retryMs, maxWaiting };
  return (key) => new Bucket(shared, key);
}

/** What all buckets of one factory have in common. */
interface Shared {
  readonly fleet: Fleet;
  readonly burst: number;
  readonly tokenMs: number;
  readonly whenAway: RedisTokenBucketsOptions["whenAway"];
  readonly retryMs: number;
  readonly maxWaiting: number;
}

interface Place {
  readonly deadline: number;
  readonly admit: () => void;
  readonly fail: (error: unknown) => void;
}

/** The longest delay that `setTimeout` takes; beyond, it fires at once. */
const longestDelayMs = 2 ** 31 - 1;

class Bucket implements RedisTokenBucket {
  readonly #shared: Shared;
  readonly #key: string;
  /** Who decided last: the local bucket, or Redis, or nobody. */
  #decider: "local" | "redis" | undefined;
  /** Kept for when Redis is away again, or each time would bring a new burst. */
  #local: TokenBucket | undefined;
  #remaining = 0;
  #nextTokenAt = 0;
  #fullAt = 0;
  #queue: Set<Place> | undefined;
  #serving = false;
  #wake: (() => void) | undefined;

  constructor(shared: Shared, key: string) {
    this.#shared = shared;
    this.#key = key;
  }

  allow(): boolean | Promise<boolean> {
    return this.#queue === undefined || this.#queue.size === 0 ? this.#take() : false;
  }

  #take(): boolean | Promise<boolean> {
    const { fleet, burst, tokenMs } = this.#shared;
    if (performance.now() < this.#nextTokenAt) return false;
    if (fleet.isAway()) return this.#takeLocally();
    return fleet.ask(this.#key).then(
      ({ granted, remaining, ms }) => {
        const time = performance.now();
        this.#decider = "redis";
        this.#remaining = remaining;
        this.#fullAt = time + ms;
        if (!granted) {
          this.#nextTokenAt = time + ms;
          this.#fullAt += (burst - 1) * tokenMs;
        }
        return granted;
      },
      () => this.#takeLocally(),
    );
  }

  #takeLocally(): boolean | Promise<boolean> {
    const { whenAway, retryMs } = this.#shared;
    this.#decider = undefined;
    if (whenAway === "allow") return true;
    if (whenAway === "refuse") {
      return Promise.reject(new KitError("unavailable", "rate limit: nobody can say", { retryAfterMs: retryMs }));
    }
    this.#decider = "local";
    return (this.#local ??= whenAway(this.#key)).allow();
  }

  retryAfterMs(): number {
    if (this.#decider === "local") return this.#local!.retryAfterMs();
    return Math.max(0, Math.ceil(this.#nextTokenAt - performance.now()));
  }

  quota(): Quota | undefined {
    if (this.#decider === "local") return this.#local!.quota();
    if (this.#decider === undefined) return undefined;
    const resetMs = Math.max(0, Math.ceil(this.#fullAt - performance.now()));
    return { limit: this.#shared.burst, remaining: this.#remaining, resetMs };
  }

  idle(): boolean {
    return (this.#queue === undefined || this.#queue.size === 0) && (this.#local === undefined || this.#local.idle());
  }

  async wait(ctx: Context): Promise<void> {
    const over = ctx.cancelled;
    if (over !== undefined) throw over;
    const queue = (this.#queue ??= new Set());
    if (queue.size === 0 && (await this.#take())) return;
    if (queue.size >= this.#shared.maxWaiting) {
      throw limitRefusal(this, `rate limit exceeded, and ${queue.size} calls wait already`);
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (settle: () => void): void => {
        queue.delete(place);
        forget();
        settle();
      };
      const place: Place = {
        deadline: ctx.deadline ?? Infinity,
        admit: () => leave(resolve),
        fail: (error) => leave(() => reject(error)),
      };
      // In the queue before it listens, since a context that has just ended calls back at once.
      queue.add(place);
      const forget = ctx.onCancel((cause) => {
        queue.delete(place);
        reject(cause);
        if (queue.size === 0) this.#wake?.();
      });
      void this.#serve(queue);
    });
  }

  /** Asks for the first in the queue, one question at a time, until nobody waits. */
  async #serve(queue: Set<Place>): Promise<void> {
    if (this.#serving) {
      // Who came now may have to be refused by its deadline at once.
      this.#refuseLate(queue);
      return;
    }
    this.#serving = true;
    while (queue.size > 0) {
      try {
        if (await this.#take()) queue.values().next().value?.admit();
        else {
          this.#refuseLate(queue);
          if (queue.size > 0) await this.#sleep(Math.max(1, this.retryAfterMs()));
        }
      } catch (error) {
        for (const place of queue) place.fail(error);
      }
    }
    this.#serving = false;
  }

  /** Refuses whoever will be gone when the next token comes. */
  #refuseLate(queue: Set<Place>): void {
    const waitMs = this.retryAfterMs();
    const time = Date.now();
    for (const place of queue) {
      if (time + waitMs < place.deadline) continue;
      place.fail(limitRefusal(this, `rate limit: a wait of ${waitMs} ms would exceed context deadline`));
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, longestDelayMs));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
