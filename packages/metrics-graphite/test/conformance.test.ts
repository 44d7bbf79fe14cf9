import { testMetrics } from "@kit/conformance/metrics";
import { carbon, startServer, type Server, whenStartable } from "@kit/servers";
import { afterAll, beforeAll, describe, vi } from "vitest";
import { graphiteMetrics } from "../src/index.ts";
import { carbonReader, type CarbonReader, pointsWith, sumOf } from "./carbon.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

whenStartable(carbon, () => {
  let server: Server;
  let reader: CarbonReader;
  beforeAll(async () => {
    server = await startServer(carbon);
    reader = carbonReader();
  });
  afterAll(async () => {
    await reader[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  let fences = 0;
  let providers = 0;

  const ways = [
    { protocol: "tcp", tags: false },
    { protocol: "tcp", tags: true },
    { protocol: "udp", tags: false },
  ] as const;
  describe.each(ways)("graphiteMetrics over $protocol, with tags: $tags", ({ protocol, tags }) => {
    testMetrics({
      async setup() {
        const prefix = `p${++providers}.`;
        const { port } = server;
        const metrics = graphiteMetrics({ protocol, tags, port, prefix, flushIntervalMs: 5, resolutionMs: 1000 });
        const gauges = new Set<string>();
        const pathOf = (name: string, labels: Readonly<Record<string, string>>, part = ""): string => {
          const pairs = Object.entries(labels);
          if (!tags) return [prefix + name, ...pairs.flat()].join(".") + part;
          return [prefix + name + part, ...pairs.map(([label, value]) => `${label}=${value}`).toSorted()].join(";");
        };
        const read = (path: string) => reader.cached(server, path);
        // New gauges come last in a flush, so what came before one is there when it is.
        const everything = async (): Promise<void> => {
          const fence = `fence${++fences}`;
          metrics.gauge(fence).set(1);
          await pointsWith(() => read(prefix + fence));
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
              await everything();
              const points = await read(pathOf(name, labels));
              if (points.length === 0) return undefined;
              return gauges.has(name) ? points.at(-1)![1] : sumOf(points);
            },
            async histogram(name, labels) {
              await everything();
              const counts = await read(pathOf(name, labels, ".count"));
              const last = await Promise.all(
                [0.5, 0.9, 0.95, 0.99].map(async (q) => {
                  const points = await read(pathOf(name, labels, `.p${q * 100}`));
                  return [q, points.at(-1)?.[1]] as const;
                }),
              );
              return { count: sumOf(counts), quantile: (q) => new Map(last).get(q) };
            },
          },
        };
      },
      supports: {
        labels: true,
        anyValue: tags ? "a tag's value holds no blank and no ;" : "a label's value stands in a path",
        separators: tags ? "; and blanks become _ in a tag's value" : "all of them become _ in a path",
        quantiles: true,
        buckets: "quantiles are sent, not buckets",
      },
    });
  });
});
