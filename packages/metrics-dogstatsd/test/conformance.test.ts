import { testMetrics } from "@kit/conformance/metrics";
import { startServer, type Server, statsdExporter, whenStartable } from "@kit/servers";
import { StatsD } from "hot-shots";
import { afterAll, beforeAll, describe, vi } from "vitest";
import { dogstatsdMetrics } from "../src/index.ts";
import { pageWith, sampleOf } from "./exporter.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

whenStartable(statsdExporter, () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer(statsdExporter)));
  afterAll(() => server[Symbol.asyncDispose]());
  let fences = 0;
  let providers = 0;

  describe.each(["udp", "tcp"] as const)("dogstatsdMetrics over %s", (protocol) => {
    testMetrics({
      async setup() {
        const prefix = `${protocol}${++providers}.`;
        const client = new StatsD({ protocol, host: "127.0.0.1", port: server.port, maxBufferSize: 1432 });
        const metrics = dogstatsdMetrics({ client, prefix, flushIntervalMs: 20 });
        // New gauges come last in a flush, so what came before one is there when it is.
        const everything = () => {
          const fence = `fence${++fences}`;
          metrics.gauge(fence).set(1);
          return pageWith(server, (page) => page.get(sampleOf(prefix + fence)) === 1);
        };
        return {
          subject: {
            metrics,
            value: async (name, labels) => (await everything()).get(sampleOf(prefix + name, labels)),
            async histogram(name, labels) {
              const page = await everything();
              return {
                count: page.get(sampleOf(`${prefix}${name}_count`, labels))!,
                quantile: (q) => page.get(sampleOf(prefix + name, { ...labels, quantile: String(q) })),
              };
            },
          },
          teardown: () => new Promise((resolve) => client.close(() => resolve())),
        };
      },
      supports: {
        labels: true,
        anyValue: "nothing can be escaped, so control characters and | , # @ become _",
        separators: "all of them become _",
        quantiles: "the daemon has quantiles of its own: 0.5, 0.9 and 0.99",
        buckets: "the daemon gets every value and has buckets of its own",
      },
    });
  });
});
