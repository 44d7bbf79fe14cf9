import { background } from "@kit/endpoint";
import { erroringLimiter, keyedLimiter, tokenBucket } from "@kit/ratelimit";
import { TokenBucket } from "limiter";
import { RateLimiterMemory } from "rate-limiter-flexible";

import type { Bench, Plan, Result } from "../bench.ts";
import { bucketByHand } from "../bucket-by-hand.ts";
import { goPrograms } from "../go/programs.ts";
import { cpuMs, interleave } from "../interleave.ts";

// Never empty, and always to be reckoned.
const [ratePerSecond, burst] = [1e9, 1e9];

// Each decision is put here, or the engine would not even make it.
const decided: { allowed: boolean } = { allowed: false };

function emptied(): ReturnType<typeof tokenBucket> {
  const bucket = tokenBucket({ ratePerSecond: 1e-6, burst: 1 });
  bucket.allow();
  return bucket;
}

async function measureCheck(plan: Plan): Promise<Result> {
  const bucket = tokenBucket({ ratePerSecond, burst });
  const allow = bucketByHand(ratePerSecond);
  const theirs = new TokenBucket({ bucketSize: burst, tokensPerInterval: ratePerSecond, interval: "second" });
  theirs.content = burst;
  const memory = new RateLimiterMemory({ points: burst, duration: 1 });
  await using go = goPrograms();
  const costs = await interleave(
    {
      tokenBucket(count) {
        for (let i = 0; i < count; i += 1) decided.allowed = bucket.allow();
      },
      "by hand"(count) {
        for (let i = 0; i < count; i += 1) decided.allowed = allow();
      },
      limiter(count) {
        for (let i = 0; i < count; i += 1) decided.allowed = theirs.tryRemoveTokens(1);
      },
      async "rate-limiter-flexible"(count) {
        for (let i = 0; i < count; i += 1) decided.allowed = (await memory.consume("all")).remainingPoints >= 0;
      },
      ...go.loops({ "Go x/time/rate": "limiter-allow" }),
    },
    plan,
    cpuMs,
  );
  return {
    title: "one check of a token bucket",
    costs,
    claims: [
      // 1.5 times as long at most.
      { ours: "tokenBucket", other: "by hand", goal: 1 / 1.5 },
      { ours: "tokenBucket", other: "limiter", goal: 1.5 },
      { ours: "tokenBucket", other: "rate-limiter-flexible", goal: 1.5 },
    ],
  };
}

async function measureCall(plan: Plan): Promise<Result> {
  const endpoint = async (n: number): Promise<number> => n;
  const limited = erroringLimiter(tokenBucket({ ratePerSecond, burst }))(endpoint);
  const keyed = keyedLimiter({
    key: (n: number) => `tenant-${n & 1_023}`,
    limit: () => tokenBucket({ ratePerSecond, burst }),
  })(endpoint);
  const refusing = erroringLimiter(emptied())(endpoint);
  const allow = bucketByHand(ratePerSecond);
  const made = new Error("made beforehand");
  const ignore = (): void => {};
  await using go = goPrograms();
  const costs = await interleave(
    {
      async erroringLimiter(count) {
        for (let i = 0; i < count; i += 1) await limited(i, background);
      },
      async "by hand"(count) {
        for (let i = 0; i < count; i += 1) await (allow() ? endpoint(i) : Promise.reject(new Error("limited")));
      },
      async "keyedLimiter, 1024 keys"(count) {
        for (let i = 0; i < count; i += 1) await keyed(i, background);
      },
      async "a refusal"(count) {
        for (let i = 0; i < count; i += 1) await refusing(i, background).catch(ignore);
      },
      async "a bare rejection"(count) {
        for (let i = 0; i < count; i += 1) await Promise.reject(made).catch(ignore);
      },
      ...go.loops({ "Go go-kit, x/time/rate": "limiter-endpoint" }),
    },
    plan,
    cpuMs,
  );
  return {
    title: "a call through a limiter",
    costs,
    claims: [{ ours: "erroringLimiter", other: "by hand", goal: 1 / 1.5 }],
  };
}

/** What a limit costs a call that it lets through. */
export const bench: Bench = [measureCheck, measureCall];
