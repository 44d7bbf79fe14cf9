import { testMetrics } from "@kit/conformance/metrics";
import { describe } from "vitest";
import { otelMetrics } from "../src/index.ts";
import { collector, type OtlpPoint } from "./collector.ts";
import { exporting } from "./exporting.ts";

const valueOf = ({ asDouble, asInt }: OtlpPoint): number => asDouble ?? asInt ?? Number.NaN;

describe.each(["cumulative", "delta"] as const)("otelMetrics, to an OTLP collector, %s", (temporality) => {
  describe.each([
    ["gauges", []],
    ["up-down counters", ["level", "balance", "apart_level", "immutable", "bad_level"]],
  ])("with %s", (_, upDownCounters) => {
    testMetrics({
      async setup() {
        const receiver = await collector();
        const { meter, flush, [Symbol.asyncDispose]: shutdown } = exporting(receiver.url, { temporality });
        return {
          subject: {
            metrics: otelMetrics({ meter, upDownCounters }),
            async value(name, labels) {
              await flush();
              const points = receiver.points(name, labels);
              const { isMonotonic } = receiver.metric(name)?.sum ?? {};
              if (points.length === 0) return undefined;
              return temporality === "delta" && isMonotonic
                ? points.reduce((sum, point) => sum + valueOf(point), 0)
                : valueOf(points.at(-1)!);
            },
            async histogram(name, labels) {
              await flush();
              const all = receiver.points(name, labels);
              const points = temporality === "delta" ? all : all.slice(-1);
              const bounds = points[0]?.explicitBounds;
              return (
                bounds && {
                  count: points.reduce((sum, { count }) => sum + count!, 0),
                  atMost: (bound) =>
                    points
                      .flatMap(({ bucketCounts }) => bucketCounts!.slice(0, bounds.indexOf(bound) + 1))
                      .reduce((sum, count) => sum + count, 0),
                }
              );
            },
          },
          async teardown() {
            await shutdown();
            await receiver[Symbol.asyncDispose]();
          },
        };
      },
      supports: {
        labels: true,
        anyValue: true,
        separators: true,
        quantiles: "a backend works them out of buckets",
        buckets: true,
      },
    });
  });
});
