import { type Level, parseLevel } from "@kit/log";
import { type TokenBucket, tokenBucket } from "@kit/ratelimit";
import { type Flag, positive } from "./flags.ts";
import { registryFlags } from "./registry.ts";
import { tracingFlags } from "./tracing.ts";
import type { AddService } from "./service.ts";

/** How soon an instance that died without a word is taken off the list, in ms. */
export const ttlMs = 2_000;

/** How much each method takes. */
export type Limits = Readonly<Record<keyof AddService, TokenBucket>>;

/** Flags that the instances and the gateway have in common. */
export const commonFlags = {
  ...registryFlags,
  ...tracingFlags,
  "sum-limit": { value: "1000", help: "calls of sum a second, and as many at once" },
  "concat-limit": { value: "1000", help: "calls of concat a second, and as many at once" },
  "log-level": { value: "info", help: "debug, info, warn or error" },
} satisfies Record<string, Flag>;

type CommonFlags = Readonly<Record<keyof typeof commonFlags, string>>;

export function limitsOf(flags: CommonFlags): Limits {
  const limit = (name: "sum-limit" | "concat-limit"): TokenBucket => {
    const ratePerSecond = positive(name, flags[name]);
    return tokenBucket({ ratePerSecond, burst: Math.ceil(ratePerSecond) });
  };
  return { sum: limit("sum-limit"), concat: limit("concat-limit") };
}

export function levelFlag(flags: CommonFlags): Level {
  return parseLevel(flags["log-level"], "info");
}
