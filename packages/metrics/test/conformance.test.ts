import { testMetrics } from "@kit/conformance/metrics";
import { testMiddleware } from "@kit/conformance/middleware";
import { describe } from "vitest";
import { measured, memoryMetrics, type MemoryMetrics, type Metrics, multiMetrics } from "../src/index.ts";

function testProvider(metrics: Metrics, memory: MemoryMetrics) {
  return {
    subject: {
      metrics,
      value: async (name: string, labels: Readonly<Record<string, string>>) => memory.value(name, labels),
      histogram: async (name: string, labels: Readonly<Record<string, string>>) => memory.distribution(name, labels),
    },
  };
}

const supports = {
  labels: true,
  anyValue: true,
  separators: true,
  quantiles: true,
  buckets: "it places bins by itself, as go-kit's generic histogram does",
} as const;

describe("memoryMetrics", () => {
  testMetrics({
    setup: async () => {
      const memory = memoryMetrics();
      return testProvider(memory, memory);
    },
    supports,
  });
});

describe("multiMetrics", () => {
  testMetrics({
    setup: async () => {
      const memory = memoryMetrics();
      return testProvider(multiMetrics(memoryMetrics(), memory), memory);
    },
    supports,
  });
});

describe("measured", () => {
  const why = "measuring changes nothing in a call";
  testMiddleware({
    setup: async () => ({ subject: measured(memoryMetrics()) }),
    supports: { keepsErrors: true, refusesEnded: why, abandonsEnded: why },
  });
});
