import { testMiddleware } from "@kit/conformance/middleware";
import { describe } from "vitest";
import {
  concurrencyLimit,
  delayingLimiter,
  erroringLimiter,
  keyedLimiter,
  slidingWindow,
  tokenBucket,
} from "../src/index.ts";

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

describe("erroringLimiter, asking another machine", () => {
  testMiddleware({
    setup: async () => ({ subject: erroringLimiter(async () => true) }),
    supports: {
      keepsErrors: true,
      refusesEnded: "it looks at its limit only",
      abandonsEnded: "it hands on the endpoint's own promise",
    },
  });
});

describe("keyedLimiter", () => {
  testMiddleware({
    setup: async () => ({
      subject: keyedLimiter({ key: () => "everybody", limit: () => slidingWindow({ limit: 100, windowMs: 1_000 }) }),
    }),
    supports: {
      keepsErrors: true,
      refusesEnded: "it looks at its limit only",
      abandonsEnded: "it hands on the endpoint's own promise",
    },
  });
});

describe("concurrencyLimit", () => {
  testMiddleware({
    setup: async () => ({ subject: concurrencyLimit({ limit: 50 }) }),
    supports: {
      keepsErrors: true,
      refusesEnded: true,
      abandonsEnded: "a call is under way until its endpoint is done",
    },
  });
});
