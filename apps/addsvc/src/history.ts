import { background } from "@kit/endpoint";
import { erroringLimiter, tokenBucket } from "@kit/ratelimit";
import { type ClientOf, defineService, type EndpointsOf } from "@kit/service";
import { otelContext } from "@kit/tracing-otel";
import { z } from "zod";
import type { AddService } from "./service.ts";

const entry = z.object({ method: z.string(), result: z.string().max(100) });

/** What was added up lately: a second service, which the first one calls. */
export const History = defineService("history", {
  record: { request: entry, response: z.object({}), http: "POST /history", timeoutMs: 1_000 },
  list: { request: z.unknown(), response: z.array(entry), http: "GET /history" },
});

/** How many results are kept. */
const longest = 20;

/** How many results an instance tells of in a second: under load nobody could read more. */
const ratePerSecond = 20;

export function history(): EndpointsOf<typeof History> {
  const entries: z.output<typeof entry>[] = [];
  return {
    async record(result) {
      entries.unshift(result);
      entries.length = Math.min(entries.length, longest);
      return {};
    },
    list: async () => entries,
  };
}

/**
 * Records each result, without anybody waiting for it: a history that is away or slow costs a few lines of it and no call.
 */
export function withHistory(service: AddService, client: ClientOf<typeof History>): AddService {
  const record = erroringLimiter(tokenBucket({ ratePerSecond, burst: ratePerSecond }))(client.record);
  return {
    async sum(request, ctx) {
      const response = await service.sum(request, ctx);
      void record({ method: "sum", result: String(response.v) }, after(ctx)).catch(() => {});
      return response;
    },
    async concat(request, ctx) {
      const response = await service.concat(request, ctx);
      void record({ method: "concat", result: response.v }, after(ctx)).catch(() => {});
      return response;
    },
  };
}

/** Of the same trace, but not over when the call is. */
function after(ctx: Parameters<AddService["sum"]>[1]): typeof ctx {
  const trace = ctx.get(otelContext);
  return trace === undefined ? background : background.with(otelContext, trace);
}
