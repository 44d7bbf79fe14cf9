import { testMetrics } from "@kit/conformance/metrics";
import { describe, expect } from "vitest";
import { cloudwatchMetrics } from "../src/index.ts";
import { standIn } from "./stand-in.ts";

// What CloudWatch itself makes of values with counts.
function quantileOf(values: readonly (readonly [value: number, count: number])[], q: number): number | undefined {
  let left = q * values.reduce((sum, [, count]) => sum + count, 0);
  return values.toSorted(([one], [other]) => one - other).find(([, count]) => (left -= count) <= 0)?.[0];
}

describe("cloudwatchMetrics", () => {
  testMetrics({
    async setup() {
      const cloudwatch = await standIn();
      const metrics = cloudwatchMetrics({ client: cloudwatch.client, namespace: "kit", flushIntervalMs: 5 });
      const gauges = new Set<string>();
      const data = async (name: string, labels: Readonly<Record<string, string>>) => {
        await metrics.flush();
        const stored = Object.entries(labels).map(([label, value]) => [label, value.replace(/[^ -~]/g, "_")]);
        return cloudwatch.data(name, Object.fromEntries(stored));
      };
      return {
        subject: {
          metrics: {
            ...metrics,
            gauge(name, options) {
              gauges.add(name);
              return metrics.gauge(name, options);
            },
          },
          async value(name, labels) {
            const values = (await data(name, labels)).map(({ Value }) => Value!);
            if (gauges.has(name) || values.length === 0) return values.at(-1);
            return values.reduce((sum, value) => sum + value, 0);
          },
          async histogram(name, labels) {
            const parts = await data(name, labels);
            if (parts.length === 0) return undefined;
            const values = parts.flatMap(({ Values, Counts }) =>
              Values!.map((value, i) => [value, Counts![i]!] as const),
            );
            return {
              count: values.reduce((sum, [, count]) => sum + count, 0),
              quantile: (q) => quantileOf(values, q),
            };
          },
        },
        async teardown() {
          await cloudwatch[Symbol.asyncDispose]();
          expect(cloudwatch.refused).toEqual([]);
        },
      };
    },
    supports: {
      labels: true,
      anyValue: "CloudWatch takes printable ASCII only",
      separators: true,
      quantiles: true,
      buckets: "CloudWatch makes its statistics of the values themselves",
    },
  });
});
