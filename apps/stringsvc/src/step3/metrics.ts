import type { Metrics } from "@kit/metrics";
import type { StringService } from "./contract.ts";

/** Those of these metrics that are quantiles, not buckets. */
export const summaries = { request_latency_microseconds: {}, count_result: {} };

/** Counts calls, and measures how long they take and what `count` counts. */
export function withMetrics(service: StringService, metrics: Metrics): StringService {
  const labels = ["method", "error"];
  const requests = metrics.counter("request_count", { help: "Number of requests received.", labels });
  const latency = metrics.histogram("request_latency_microseconds", {
    help: "Total duration of requests in microseconds.",
    labels,
  });
  const results = metrics.histogram("count_result", { help: "The result of each count method." });

  function called(method: string, begin: number, failed: boolean): void {
    const labelled = { method, error: String(failed) };
    requests.with(labelled).add();
    latency.with(labelled).observe((performance.now() - begin) * 1_000);
  }

  return {
    async uppercase(request, ctx) {
      const begin = performance.now();
      let failed = true;
      try {
        const reply = await service.uppercase(request, ctx);
        failed = reply.err !== undefined;
        return reply;
      } finally {
        called("uppercase", begin, failed);
      }
    },
    async count(request, ctx) {
      const begin = performance.now();
      const reply = await service.count(request, ctx);
      called("count", begin, false);
      results.observe(reply.v);
      return reply;
    },
  };
}
