export { type RedisTokenBucket, redisTokenBuckets, type RedisTokenBucketsOptions } from "./redis-token-bucket.ts";
export type { IoredisClient, NodeRedisClient, RedisClient } from "./redis-client.ts";
