import { testMiddleware } from "@kit/conformance/middleware";
import { describe } from "vitest";
import { delayingLimiter, erroringLimiter, tokenBucket } from "../src/index.ts";

const roomy = { ratePerSecond: 1_000, burst: 100 };

describe("erroringLimiter", () => {
  testMiddleware({
    setup: async () => ({ subject: erroringLimiter(tokenBucket(roomy)) }),
    supports: {
      keepsErrors: true,
      refusesEnded: "it looks at its limit only",
      abandonsEnded: "it hands on the endpoint's own promise",
    },
  });
});

describe("delayingLimiter", () => {
  testMiddleware({
    setup: async () => ({ subject: delayingLimiter(tokenBucket(roomy)) }),
    supports: { keepsErrors: true, refusesEnded: true, abandonsEnded: "it waits for its limit only" },
  });
});
