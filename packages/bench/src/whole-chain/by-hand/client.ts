import { context, type Context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import Breaker from "opossum";
import { Pool } from "undici";
import { inFlight, path, type SumRequest, type SumResponse } from "../../http/sum.ts";
import type { Call } from "../contenders.ts";
import { attempts, failures, openMs, ratePerSecond, timeoutMs } from "../job.ts";
import { openLog } from "../log.ts";
import { openTracer } from "../tracing.ts";
import { bucketByHand } from "../../bucket-by-hand.ts";
import { measures } from "./measures.ts";
import { follow } from "./registry.ts";
import { traceparent } from "./traceparent.ts";

type Guarded = Breaker<[body: string, traceparent: string], SumResponse>;

interface Instance {
  readonly breaker: Guarded;
  close(): Promise<void>;
}

function connectTo(address: string): Instance {
  // opossum gives up waiting, undici takes down what is waited for.
  const pool = new Pool(`http://${address}`, {
    connections: inFlight,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  const breaker: Guarded = new Breaker((body, parent) => post(pool, body, parent), {
    name: address,
    timeout: timeoutMs,
    volumeThreshold: failures,
    errorThresholdPercentage: 50,
    resetTimeout: openMs,
  });
  return {
    breaker,
    async close() {
      breaker.shutdown();
      await pool.close();
    },
  };
}

async function post(pool: Pool, body: string, parent: string): Promise<SumResponse> {
  const { statusCode, body: answer } = await pool.request({
    path,
    method: "POST",
    headers: { "content-type": "application/json; charset=utf-8", traceparent: parent },
    body,
  });
  if (statusCode !== 200) {
    await answer.dump();
    throw new Error(`status ${statusCode}`);
  }
  const response = (await answer.json()) as SumResponse;
  if (!Number.isInteger(response?.v)) throw new Error("not a response");
  return response;
}

/** A client with everything on, from what there is for each: what many a service has in a file of its own. */
export async function connectByHand(place: string): Promise<Call> {
  const log = openLog().child({ service: "sum", method: "sum", transport: "http" });
  const tracer = openTracer();
  const { began, ended } = measures("client_");
  const isWithinLimit = bucketByHand(ratePerSecond);

  const known = new Map<string, Instance>();
  let instances: readonly Instance[] = [];
  let turn = 0;
  await follow(place, (addresses) => {
    for (const [address, instance] of known) {
      if (addresses.includes(address)) continue;
      known.delete(address);
      void instance.close();
    }
    for (const address of addresses) if (!known.has(address)) known.set(address, connectTo(address));
    instances = [...known.values()];
  });

  async function attempt(body: string, parent: Context): Promise<SumResponse> {
    const instance = instances[turn++ % instances.length];
    if (instance === undefined) throw new Error("no instance");
    const span = tracer.startSpan(
      "sum/sum",
      { kind: SpanKind.CLIENT, attributes: { "rpc.method": "sum/sum" } },
      parent,
    );
    try {
      return await instance.breaker.fire(body, traceparent(span));
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  async function retried(request: SumRequest, parent: Context): Promise<SumResponse> {
    const body = JSON.stringify(request);
    const deadline = Date.now() + timeoutMs;
    for (let count = 1; ; count += 1) {
      try {
        return await attempt(body, parent);
      } catch (error) {
        if (count === attempts || Date.now() >= deadline) throw error;
      }
    }
  }

  return async (request) => {
    if (!isWithinLimit()) throw new Error("over the limit");
    const start = performance.now();
    began();
    const span = tracer.startSpan("sum", { kind: SpanKind.INTERNAL });
    let code = "ok";
    try {
      return await retried(request, trace.setSpan(context.active(), span));
    } catch (error) {
      code = "error";
      fail(span, error);
      throw error;
    } finally {
      const tookMs = performance.now() - start;
      ended(code, tookMs);
      const line = { trace_id: span.spanContext().traceId, took_ms: Math.round(tookMs * 1000) / 1000 };
      if (code === "ok") log.info(line);
      else log.error({ ...line, code });
      span.end();
    }
  };
}

function fail(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
  span.recordException(error as Error);
}
