import { KitError } from "@kit/endpoint";
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { bucketClient } from "./bucket-script.ts";
import type { RedisClient } from "./redis-client.ts";

/** What Redis says of a bucket. */
export interface Answer {
  readonly granted: boolean;
  readonly remaining: number;
  /** Until the bucket is full; for a refusal until its next token. */
  readonly ms: number;
}

export interface FleetSettings {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly burst: number;
  readonly tokenMs: number;
  readonly timeoutMs: number;
  readonly retryMs: number;
  readonly onError: ((error: KitError) => void) | undefined;
}

/** Redis, as all buckets of one factory see it: there, or away. */
export class Fleet {
  readonly #limiter: RateLimiterRedis;
  readonly #settings: FleetSettings;
  /** When Redis may be asked again; 0 while it answers. */
  #awayUntil = 0;
  #quietUntil = 0;

  constructor(settings: FleetSettings) {
    const { client, prefix, burst, tokenMs } = settings;
    this.#settings = settings;
    this.#limiter = new RateLimiterRedis({
      storeClient: bucketClient(client, burst, tokenMs),
      useRedisPackage: true,
      keyPrefix: prefix,
      points: burst,
      // The script has its own; 0 would have the driver count without it.
      duration: 1,
    });
  }

  /** Whether Redis has lately not answered in time. One call each `retryMs` finds it there, and asks. */
  isAway(): boolean {
    if (this.#awayUntil === 0) return false;
    const time = performance.now();
    if (time < this.#awayUntil) return true;
    this.#awayUntil = time + this.#settings.retryMs;
    return false;
  }

  /** Takes a token, if there is one. Rejects with a `KitError` within `timeoutMs` if Redis does not say. */
  ask(key: string): Promise<Answer> {
    const { timeoutMs, retryMs } = this.#settings;
    return new Promise((resolve, reject) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        this.#awayUntil = performance.now() + retryMs;
        fail(new KitError("deadline_exceeded", `redis has not answered within ${timeoutMs} ms`));
      }, timeoutMs);
      const fail = (error: KitError): void => {
        this.#report(error);
        reject(error);
      };
      const answer = (granted: boolean, { remainingPoints: remaining, msBeforeNext: ms }: RateLimiterRes): void => {
        // One that is always late is away all the same, or every call would wait for it.
        if (late) return;
        clearTimeout(timer);
        this.#awayUntil = 0;
        // The driver takes what is no number for a yes.
        if (Number.isFinite(remaining) && ms >= 0) resolve({ granted, remaining, ms });
        else fail(new KitError("internal", "redis has answered something else than the script does"));
      };
      this.#limiter.consume(key).then(
        (result) => answer(true, result),
        (refused: unknown) => {
          if (refused instanceof RateLimiterRes) return answer(false, refused);
          if (late) return;
          clearTimeout(timer);
          fail(new KitError("unavailable", "redis failed", { cause: refused }));
        },
      );
    });
  }

  /** A thousand calls a second may fail for one reason. */
  #report(error: KitError): void {
    const { onError, retryMs } = this.#settings;
    const time = performance.now();
    if (time < this.#quietUntil) return;
    this.#quietUntil = time + retryMs;
    try {
      onError?.(error);
    } catch (thrown) {
      // As in a timer's callback: not the affair of the call in hand.
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }
}
