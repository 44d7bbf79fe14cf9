export { type Allower, erroringLimiter } from "./erroring-limiter.ts";
export { delayingLimiter, type Waiter } from "./delaying-limiter.ts";
export { type TokenBucket, type TokenBucketOptions, tokenBucket } from "./token-bucket.ts";
