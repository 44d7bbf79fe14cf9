import type { Cluster, Redis } from "ioredis";
import type { createClient, createClientPool, createCluster } from "redis";
import { expectTypeOf, it } from "vitest";
import type { RedisClient } from "../src/index.ts";

it("takes the clients, pools and clusters of both libraries", () => {
  expectTypeOf<Redis>().toExtend<RedisClient>();
  expectTypeOf<Cluster>().toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createClient>>().toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createClientPool>>().toExtend<RedisClient>();
  expectTypeOf<ReturnType<typeof createCluster>>().toExtend<RedisClient>();
});
