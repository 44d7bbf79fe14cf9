import { type Span, SpanKind } from "@opentelemetry/api";
import { fastify } from "fastify";
import { path, type SumRequest } from "../../http/sum.ts";
import { bucketByHand } from "../../bucket-by-hand.ts";
import { measures } from "../by-hand/measures.ts";
import { announce } from "../by-hand/registry.ts";
import { sumSchema } from "../by-hand/sum-schema.ts";
import { parentOf } from "../by-hand/traceparent.ts";
import { ratePerSecond } from "../job.ts";
import { listen } from "../listen.ts";
import { openLog } from "../log.ts";
import { openTracer } from "../tracing.ts";

export { connectByHand as connect } from "../by-hand/client.ts";

declare module "fastify" {
  interface FastifyRequest {
    span: Span;
    startedAt: number;
  }
}

export async function serve(place: string): Promise<void> {
  // fastify's own lines would be two a request, and not these.
  const log = openLog().child({ service: "sum", method: "sum", transport: "http" });
  const tracer = openTracer();
  const { registry, began, ended } = measures("");
  const isWithinLimit = bucketByHand(ratePerSecond);

  const app = fastify();
  app.decorateRequest("span");
  app.decorateRequest("startedAt", 0);
  app.addHook("onRequest", (request, reply, done) => {
    request.startedAt = performance.now();
    began();
    const parent = parentOf(request.headers["traceparent"] as string | undefined);
    request.span = tracer.startSpan(
      "sum/sum",
      { kind: SpanKind.SERVER, attributes: { "rpc.method": "sum/sum", "rpc.system.name": "http" } },
      parent,
    );
    if (isWithinLimit()) done();
    else void reply.code(429).send({ message: "over the limit" });
  });
  app.addHook("onResponse", ({ span, startedAt }, reply, done) => {
    const tookMs = performance.now() - startedAt;
    const code = reply.statusCode === 200 ? "ok" : String(reply.statusCode);
    ended(code, tookMs);
    const line = { trace_id: span.spanContext().traceId, took_ms: Math.round(tookMs * 1000) / 1000 };
    if (code === "ok") log.info(line);
    else log.warn({ ...line, code });
    span.end();
    done();
  });
  app.post<{ Body: SumRequest }>(path, { schema: sumSchema }, async ({ body: { a, b } }) => ({ v: a + b }));
  app.get("/metrics", () => registry.metrics());
  await app.ready();
  await announce(place, await listen(app.server));
}
