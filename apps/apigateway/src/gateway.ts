import { credentials } from "@grpc/grpc-js";
import { tokenFromHeader } from "@kit/auth-jwt";
import { type AnyMiddleware, chain, type Endpoint, KitError } from "@kit/endpoint";
import { balancedClient } from "@kit/lb";
import { bind, levels, type Logger, logged } from "@kit/log";
import { measured, type Metrics } from "@kit/metrics";
import { keyedLimiter, rateLimitHeaders, tokenBucket } from "@kit/ratelimit";
import type { Instancer } from "@kit/sd";
import { implement, type Method } from "@kit/service";
import { extractTrace, injectTrace, spanId, traced, traceId } from "@kit/tracing-otel";
import { connectGrpc } from "@kit/transport-grpc";
import { connectHttp, type HttpHandler, serveHttp, type ServeHttpOptions } from "@kit/transport-http";
import type { Tracer } from "@opentelemetry/api";
import { callerOf } from "./caller.ts";
import { GrpcAdd, PublicAdd, Strings } from "./contracts.ts";
import { encodeGatewayError } from "./errors.ts";
import { expectTraceId, noteTraceId, tellTraceId } from "./trace-header.ts";
import { tracedClient } from "./traced-client.ts";

/** What the gateway stands on. */
export interface Ground {
  /** Where the two services run. */
  readonly instancers: Readonly<Record<"addsvc" | "stringsvc", Instancer>>;
  /** Verifies who calls. */
  readonly authenticated: AnyMiddleware;
  /** Calls a second for each caller, and as many at once. */
  readonly limitPerSecond: number;
  readonly retry: { readonly attempts: number; readonly timeoutMs: number };
  readonly tracer: Tracer;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The front door: one address, behind which are the instances of two services. */
export interface Gateway extends AsyncDisposable {
  readonly handler: HttpHandler;
}

export function makeGateway(ground: Ground): Gateway {
  const { instancers, authenticated, limitPerSecond, retry, tracer, metrics } = ground;
  const logger = bind(ground.logger, { trace_id: traceId, span_id: spanId });
  const log = levels(logger);
  const onError = (error: unknown): void => log.warn("discovery", { error });
  const before = [injectTrace()];

  // gRPC here and HTTP there is what the instances speak; who calls the gateway does not notice.
  const add = balancedClient(GrpcAdd, {
    instances: instancers.addsvc,
    connect({ address }) {
      const client = connectGrpc(GrpcAdd, { address, credentials: credentials.createInsecure(), before });
      return tracedClient(GrpcAdd, client, tracer, { transport: "grpc", address });
    },
    retry,
    onError,
  });
  const strings = balancedClient(Strings, {
    instances: instancers.stringsvc,
    connect({ address }) {
      const url = address.startsWith("http") ? address : `http://${address}`;
      return tracedClient(Strings, connectHttp(Strings, { url, before }), tracer, { transport: "http", address });
    },
    retry,
    onError,
  });

  const perCaller = keyedLimiter({
    key: (_, ctx) => callerOf(ctx),
    limit: () => tokenBucket({ ratePerSecond: limitPerSecond, burst: Math.ceil(limitPerSecond) }),
  });
  // Outside of what refuses, so that refusals are traced, measured and logged, too.
  const wrap = ({ service, name }: Method): AnyMiddleware =>
    chain(
      traced(tracer, { service, name, transport: "http" }),
      noteTraceId,
      measured(metrics, { service, name, prefix: "apigateway_" }),
      logged(logger),
      authenticated,
      perCaller,
    );

  const told = rateLimitHeaders(perCaller);
  const options: ServeHttpOptions = {
    before: [expectTraceId, extractTrace(), tokenFromHeader, told.before],
    after: [tellTraceId, told.after],
    errorEncoder: encodeGatewayError,
    caseInsensitiveKeys: ["a", "b", "s"],
  };
  const sum: Endpoint<{ a: number; b: number }, { v: number }> = async ({ a, b }, ctx) => {
    const { v, err } = await add.sum({ a: BigInt(a), b: BigInt(b) }, ctx);
    return { v: Number(outOfBand(v, err)) };
  };
  const concat: Endpoint<{ a: string; b: string }, { v: string }> = async (request, ctx) => {
    const { v, err } = await add.concat(request, ctx);
    return { v: outOfBand(v, err) };
  };
  return {
    handler: serveHttp(PublicAdd, implement(PublicAdd, { sum, concat }, wrap), {
      ...options,
      prefix: "/addsvc",
      otherwise: serveHttp(Strings, implement(Strings, strings, wrap), { ...options, prefix: "/stringsvc" }),
    }),
    async [Symbol.asyncDispose]() {
      await Promise.all([add[Symbol.asyncDispose](), strings[Symbol.asyncDispose]()]);
    },
  };
}

/** addsvc says in its reply what its rules refuse; on HTTP that is a 400, as in go-kit's. */
function outOfBand<Value>(value: Value, err: string): Value {
  if (err !== "") throw new KitError("invalid_argument", err);
  return value;
}
