import { testMetrics } from "@kit/conformance/metrics";
import { pcp, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, beforeAll, describe, vi } from "vitest";
import { pcpMetrics } from "../src/index.ts";
import { directoryOf, seenWith } from "./reader.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

whenStartable(pcp, () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer(pcp)));
  afterAll(() => server[Symbol.asyncDispose]());
  let providers = 0;

  describe("pcpMetrics", () => {
    testMetrics({
      async setup() {
        const name = `kit${++providers}`;
        const metrics = pcpMetrics({ name, directory: directoryOf(server), flushIntervalMs: 5 });
        const fence = metrics.gauge("fence");
        let fences = 0;
        // All is written at once, so what came before a value is there when it is.
        const everything = () => {
          const there = ++fences;
          fence.set(there);
          return seenWith(server, name, (seen) => seen["fence"]?.[""] === there);
        };
        const instance = (labels: Readonly<Record<string, string>>) =>
          Object.entries(labels)
            .map((pair) => pair.map(encodeURIComponent).join("="))
            .join(",");
        return {
          subject: {
            metrics,
            value: async (metric, labels) => (await everything())[metric]?.[instance(labels)],
            async histogram(metric, labels) {
              const seen = await everything();
              const part = (of: string) => seen[`${metric}.${of}`]?.[instance(labels)];
              const count = part("count");
              return count === undefined ? undefined : { count, quantile: (q) => part(`p${Math.round(q * 100)}`) };
            },
          },
        };
      },
      supports: {
        labels: true,
        anyValue: "PCP has 243 bytes for a label and 255 for an instance's name",
        separators: true,
        quantiles: true,
        buckets: "a metric of PCP's is a number",
      },
    });
  });
});
