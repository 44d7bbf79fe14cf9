import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Server } from "@kit/servers";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { vi } from "vitest";
import { redisTokenBuckets, type RedisClient, type RedisTokenBucketsOptions } from "../src/index.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

type Connected = RedisClient & AsyncDisposable;

/** A client of each kind, as its own README makes it. Their errors are seen to by what the buckets make of them. */
export const clients: Readonly<Record<string, (url: string) => Promise<Connected>>> = {
  async ioredis(url) {
    const client = new Redis(url).on("error", () => {});
    return Object.assign(client, { [Symbol.asyncDispose]: async () => client.disconnect() });
  },
  async "node-redis"(url) {
    const client = createClient({ url }).on("error", () => {});
    // Settles only when it is connected, which in some tests it never is.
    const connecting = client.connect().catch(() => {});
    await Promise.race([connecting, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    return Object.assign(client, { [Symbol.asyncDispose]: async () => client.destroy() });
  },
};

/** Patient, since the machine may be busy, and loud: a Redis that does not answer fails the call. */
export function patientBuckets(
  client: RedisClient,
  options: Partial<RedisTokenBucketsOptions> = {},
): ReturnType<typeof redisTokenBuckets> {
  return redisTokenBuckets({
    client,
    ratePerSecond: 1 / 60,
    burst: 2,
    whenAway: "refuse",
    timeoutMs: 20_000,
    ...options,
  });
}

let keys = 0;

/** A key that no other test has. */
export const newKey = (): string => `key-${process.pid}-${++keys}`;

/** What Redis's own command line says. */
export async function redisCli(server: Server, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("redis-cli", ["-p", String(server.port), ...args]);
  return stdout.trim();
}
