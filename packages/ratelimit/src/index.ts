export { type Allower, erroringLimiter } from "./erroring-limiter.ts";
export { delayingLimiter, type Waiter } from "./delaying-limiter.ts";
export { type Forgettable, type KeyedLimiter, keyedLimiter, type KeyedLimiterOptions } from "./keyed-limiter.ts";
export { type ConcurrencyLimit, concurrencyLimit, type ConcurrencyLimitOptions } from "./concurrency-limit.ts";
export { type RateLimitHeaders, rateLimitHeaders } from "./rate-limit-headers.ts";

export { type SlidingWindow, slidingWindow, type SlidingWindowOptions } from "./sliding-window.ts";
export { type TokenBucket, type TokenBucketOptions, tokenBucket } from "./token-bucket.ts";

// For limits of your own.
export { limitRefusal } from "./limit-refusal.ts";
export type { Meter, Quota } from "./quota.ts";
