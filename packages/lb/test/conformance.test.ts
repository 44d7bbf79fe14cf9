import { testBalancer } from "@kit/conformance/balancer";
import { testMiddleware } from "@kit/conformance/middleware";
import { describe } from "vitest";
import { random, retry, roundRobin } from "../src/index.ts";

describe("roundRobin", () => {
  testBalancer({ setup: async () => ({ subject: roundRobin }), supports: { evenly: true, inTurn: true } });
});

describe("random", () => {
  testBalancer({
    setup: async () => ({ subject: random }),
    supports: { evenly: true, inTurn: "each pick is drawn by itself" },
  });
});

describe("retry over a single endpoint", () => {
  testMiddleware({
    setup: async () => ({
      subject: (next) => retry({ pick: () => next }, { timeoutMs: 10_000, retryable: () => false }),
    }),
    supports: { keepsErrors: true, refusesEnded: true, abandonsEnded: true },
  });
});
