import { testMetrics } from "@kit/conformance/metrics";
import { startServer, type Server, statsd, whenStartable } from "@kit/servers";
import { afterAll, beforeAll, describe, vi } from "vitest";
import { statsdMetrics } from "../src/index.ts";
import { seenWith } from "./daemon.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

whenStartable(statsd, () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer(statsd)));
  afterAll(() => server[Symbol.asyncDispose]());
  let fences = 0;
  let providers = 0;

  describe.each(["udp", "tcp"] as const)("statsdMetrics over %s", (protocol) => {
    testMetrics({
      async setup() {
        const prefix = `${protocol}${++providers}.`;
        const metrics = statsdMetrics({ protocol, port: server.port, prefix, flushIntervalMs: 5 });
        const pathOf = (name: string, labels: Readonly<Record<string, string>>): string =>
          [prefix + name, ...Object.entries(labels).flat()].join(".");
        // New gauges come last in a flush, so what came before one is there when it is.
        const everything = () => {
          const fence = `fence${++fences}`;
          metrics.gauge(fence).set(1);
          return seenWith(server, ({ gauges }) => gauges[prefix + fence] === 1);
        };
        return {
          subject: {
            metrics,
            async value(name, labels) {
              const { counters, gauges } = await everything();
              const path = pathOf(name, labels);
              return counters[path] ?? gauges[path];
            },
            async histogram(name, labels) {
              const { counts, timers } = await everything();
              const path = pathOf(name, labels);
              const sorted = timers[path]?.toSorted((one, other) => one - other);
              return sorted && { count: counts[path]!, quantile: (q) => sorted[Math.ceil(q * sorted.length) - 1] };
            },
          },
        };
      },
      supports: {
        labels: true,
        anyValue: "a label's value stands in the name, where only letters, digits, _ and - may be",
        separators: "all of them become _ in the name",
        quantiles: protocol === "tcp" || "the kernel may drop some of 12 345 datagrams that come at once",
        buckets: "the daemon gets every value and has buckets of its own",
      },
    });
  });
});
