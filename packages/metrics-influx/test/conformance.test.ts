import { testMetrics } from "@kit/conformance/metrics";
import { influxdb, startServer, type Server, statsdExporter, whenStartable } from "@kit/servers";
import { afterAll, beforeAll, describe, vi } from "vitest";
import { influxMetrics, influxStatsdMetrics } from "../src/index.ts";
import { pageWith, sampleOf } from "./exporter.ts";
import { pointsOf, pointsWith, query, sumOf } from "./influx.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

let fences = 0;
let providers = 0;

whenStartable(influxdb, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(influxdb);
    for (const name of ["http", "udp"]) await query(server, `CREATE DATABASE ${name}`);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  describe.each(["http", "udp"] as const)("influxMetrics over %s", (protocol) => {
    testMetrics({
      async setup() {
        const prefix = `p${++providers}.`;
        const target =
          protocol === "http"
            ? { url: server.url, database: "http" }
            : { url: `udp://127.0.0.1:${server.place.ports[2]}` };
        const metrics = influxMetrics({ ...target, prefix, flushIntervalMs: 5 });
        const read = (name: string, labels: Readonly<Record<string, string>> = {}) =>
          pointsOf(
            server,
            protocol,
            prefix + name,
            Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, stored(value)])),
          );
        // New gauges come last in a flush, and are sent again in the next, when all of that one has been stored.
        const everything = async (): Promise<void> => {
          const fence = `fence${++fences}`;
          metrics.gauge(fence).set(1);
          await pointsWith(
            () => read(fence),
            (points) => points.length > 1,
          );
        };
        return {
          subject: {
            metrics,
            async value(name, labels) {
              await everything();
              const points = await read(name, labels);
              if (points.length === 0) return undefined;
              return points.at(-1)!["value"] ?? sumOf(points, "count");
            },
            async histogram(name, labels) {
              await everything();
              const points = await read(name, labels);
              return { count: sumOf(points, "count"), quantile: (q) => points.at(-1)?.[`p${q * 100}`] };
            },
          },
        };
      },
      supports: {
        labels: true,
        anyValue: "the line protocol has no line breaks, nor a backslash at the end of a tag's value",
        separators: true,
        quantiles: true,
        buckets: "quantiles are sent, not buckets",
      },
    });
  });
});

/** What becomes of a label's value. */
function stored(value: string): string {
  return value.replace(/\p{Cc}|\\$/gu, "_");
}

whenStartable(statsdExporter, () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer(statsdExporter)));
  afterAll(() => server[Symbol.asyncDispose]());

  describe.each(["udp", "tcp"] as const)("influxStatsdMetrics over %s", (protocol) => {
    testMetrics({
      async setup() {
        const prefix = `p${++providers}.`;
        const metrics = influxStatsdMetrics({ protocol, port: server.port, prefix, flushIntervalMs: 20 });
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
        };
      },
      supports: {
        labels: true,
        anyValue: "nothing can be escaped, so blanks, line breaks and : | , = # @ [ ] \\ become _",
        separators: "all of them become _",
        quantiles: "the daemon has quantiles of its own: 0.5, 0.9 and 0.99",
        buckets: "the daemon gets every value and has buckets of its own",
      },
    });
  });
});
