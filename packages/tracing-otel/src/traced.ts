import { type AnyMiddleware, callInfo, type Context, contextKey, type ContextKey } from "@kit/endpoint";
import {
  type Attributes,
  context,
  type Context as OtelContext,
  diag,
  INVALID_TRACEID,
  type Span,
  SpanKind,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { CallSpan } from "./call-span.ts";
import { otelContext, otelContextOf } from "./otel-context.ts";

/** The description of a method that `implement` hands to its middleware fits as it is. */
export interface TracedOptions {
  /** Whose method is called. @default on a server what `callInfo` in the context says, else none */
  readonly service?: string;
  /** The method, or any other name for the work. @default on a server what `callInfo` in the context says, else `endpoint` */
  readonly name?: string;
  /** `rpc.system.name`: `http`, `grpc`, `nats`, … @default on a server what `callInfo` in the context says, else none */
  readonly transport?: string;
  /** `SpanKind.CLIENT` around a client, `SpanKind.INTERNAL` around anything in between. @default SpanKind.SERVER */
  readonly kind?: SpanKind;
  /** Given to each span when it is opened, so that a sampler sees them. @default none */
  readonly attributes?: Attributes | ((ctx: Context) => Attributes);
  /** Whether a span is marked as failed for a response that carries a business failure; either way it is named. @default false, as in go-kit */
  readonly ignoreBusinessErrors?: boolean;
}

/** Which attempt at its call this is, as `@kit/lb` counts them and has them cross the wires. */
const attempt: ContextKey<number> = {
  ...contextKey<number>("attempt"),
  carry: { encode: String, decode: (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined) },
};

/**
 * Opens a span for each call, a child of the one in the context or of the active one, and ends it with the call: when its promise settles,
 * its stream is read to the end or left, or its context is over, whichever is first. While the endpoint runs, the span is in its
 * context and active.
 *
 * - Its name and `rpc.method` are `<service>/<name>`.
 * - A failed call has `error.type`, its code, and is marked as failed with the error as its exception; on a server only if the code does not
 *   blame the caller. A `RetryError` has what each attempt failed with in `gokit.retry.error.1` and so on.
 * - A response with a business failure has it in `gokit.business.error` and is marked as failed.
 * - A call that is not the first attempt has `gokit.retry.attempt`.
 *
 * A call that is not sampled costs no more than to ask the sampler; without a provider next to nothing. Nothing that the tracer does fails
 * a call: what it throws goes to OpenTelemetry's `diag`.
 *
 * @param tracer - yours, as is its provider: samplers, processors and exporters are set there.
 * @throws {TypeError} when `tracer` is none.
 *
 * @example
 * const endpoints = implement(Add, handlers, (method) => traced(tracer, method));
 * @see go-kit tracing/opentracing/endpoint.go, tracing/opencensus/endpoint.go, tracing/zipkin/endpoint.go
 */
export function traced(tracer: Tracer, options: TracedOptions = {}): AnyMiddleware {
  if (typeof tracer?.startSpan !== "function") throw new TypeError("traced: tracer must be a tracer of OpenTelemetry");
  const { service, name, transport, kind = SpanKind.SERVER, attributes, ignoreBusinessErrors = false } = options;
  const ending = { kind, ignoreBusinessErrors };
  // A client's context may still be that of the call it is a part of.
  const told = kind !== SpanKind.SERVER || (service !== undefined && name !== undefined && transport !== undefined);

  return (next) => {
    // An endpoint is nearly always called under one name, so the last one is kept and no other.
    let current = new TracedMethod(kind, service ?? "", name ?? "", transport ?? "");
    const methodOf = (ctx: Context): TracedMethod => {
      const info = ctx.get(callInfo);
      const calledService = service ?? info?.service ?? "";
      const calledName = name ?? info?.method ?? "";
      const over = transport ?? info?.transport ?? "";
      if (current.service !== calledService || current.name !== calledName || current.transport !== over) {
        current = new TracedMethod(kind, calledService, calledName, over);
      }
      return current;
    };
    const open = (ctx: Context, parent: OtelContext): Span | undefined => {
      try {
        const method = told ? current : methodOf(ctx);
        const own = typeof attributes === "function" ? attributes(ctx) : attributes;
        const all = own === undefined ? method.attributes : { ...method.attributes, ...own };
        return tracer.startSpan(method.spanName, { kind, attributes: all }, parent);
      } catch (error) {
        diag.error("@kit/tracing-otel: a span cannot be opened", error);
        return undefined;
      }
    };

    return (request, ctx) => {
      const parent = otelContextOf(ctx);
      const span = open(ctx, parent);
      // Without a provider, and a trace to pass on, there is nothing to do.
      if (span === undefined || span.spanContext().traceId === INVALID_TRACEID) return next(request, ctx);
      const active = trace.setSpan(parent, span);
      const child = ctx.with(otelContext, active);
      if (!span.isRecording()) return context.with(active, next, undefined, request, child);
      const count = ctx.get(attempt);
      if (count !== undefined && count > 1) span.setAttribute("gokit.retry.attempt", count);
      const { succeed, fail } = new CallSpan(span, active, ctx, ending);
      try {
        return context.with(active, next, undefined, request, child).then(succeed, (error: unknown) => {
          fail(error);
          throw error;
        });
      } catch (error) {
        // An endpoint that is no async function may throw before it has a promise.
        fail(error);
        throw error;
      }
    };
  };
}

/** What all spans of one method begin with. */
class TracedMethod {
  readonly service: string;
  readonly name: string;
  readonly transport: string;
  readonly spanName: string;
  readonly attributes: Attributes;

  constructor(kind: SpanKind, service: string, name: string, transport: string) {
    this.service = service;
    this.name = name;
    this.transport = transport;
    this.spanName = service === "" ? name || "endpoint" : `${service}/${name}`;
    const isCall = kind === SpanKind.SERVER || kind === SpanKind.CLIENT;
    this.attributes = {
      ...(isCall && { "rpc.method": this.spanName }),
      ...(isCall && transport !== "" && { "rpc.system.name": transport }),
    };
  }
}
