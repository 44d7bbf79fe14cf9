import { testMetrics } from "@kit/conformance/metrics";
import { Registry } from "prom-client";
import { describe } from "vitest";
import { metricsPage, prometheusMetrics, type PrometheusMetricsOptions } from "../src/index.ts";
import { find, parse } from "./exposition.ts";

function testProvider(options: Omit<PrometheusMetricsOptions, "registry">) {
  return async () => {
    const registry = new Registry();
    const samples = async () => parse((await metricsPage(registry)).body);
    type Labels = Readonly<Record<string, string>>;
    return {
      subject: {
        metrics: prometheusMetrics({ registry, ...options }),
        async value(name: string, labels: Labels) {
          const page = await samples();
          return find(page, name, labels) ?? find(page, `${name}_total`, labels);
        },
        async histogram(name: string, labels: Labels) {
          const page = await samples();
          const count = find(page, `${name}_count`, labels);
          return count === undefined
            ? undefined
            : {
                count,
                quantile: (q: number) => find(page, name, { ...labels, quantile: `${q}` }),
                atMost: (bound: number) => find(page, `${name}_bucket`, { ...labels, le: `${bound}` }),
              };
        },
      },
    };
  };
}

const separators = "prom-client finds a series by its values joined with commas and colons";

describe("prometheusMetrics", () => {
  testMetrics({
    setup: testProvider({}),
    supports: {
      labels: true,
      anyValue: true,
      separators,
      quantiles: "the Prometheus server works them out of buckets",
      buckets: true,
    },
  });
});

describe("prometheusMetrics with summaries", () => {
  testMetrics({
    setup: testProvider({
      summaries: { every: {}, bad_sizes: {}, normal_quantiles: { quantiles: [0.5, 0.9, 0.95, 0.99] } },
    }),
    supports: { labels: true, anyValue: true, separators, quantiles: true, buckets: "a summary has none" },
  });
});
