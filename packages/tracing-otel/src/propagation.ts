import type { Context } from "@kit/endpoint";
import type { Incoming, Outgoing } from "@kit/tracing";
import { diag, ROOT_CONTEXT, type TextMapGetter, type TextMapPropagator, type TextMapSetter } from "@opentelemetry/api";
import { otelContext, otelContextOf } from "./otel-context.ts";
import { traceContext } from "./trace-context.ts";

export interface ExtractTraceOptions {
  /** What reads the headers. `propagation` of `@opentelemetry/api` is the one that is registered, with baggage if that is. @default {@link traceContext}, W3C's two headers */
  readonly propagator?: Pick<TextMapPropagator, "extract">;
}

export interface InjectTraceOptions {
  /** What writes the headers. `propagation` of `@opentelemetry/api` is the one that is registered, with baggage if that is. @default {@link traceContext}, W3C's two headers */
  readonly propagator?: Pick<TextMapPropagator, "inject">;
}

const getter: TextMapGetter<Incoming> = {
  get: (message, name) => message.header(name.toLowerCase()),
  // Messages cannot list their headers on all wires.
  keys: () => [],
};

const setter: TextMapSetter<Outgoing> = {
  set(message, name, value) {
    message.headers[name.toLowerCase()] = value;
  },
};

/**
 * For a server's `before`, on any transport: what `traced` opens for the call is then a child of the caller's span, and sampled if that is.
 * Without such a header it is the root of a new trace, whatever span was active when the server was started.
 *
 * Leave it out where an instrumentation of OpenTelemetry's opens a span for each request: that one is the parent then.
 *
 * @see go-kit tracing/opentracing/http.go, HTTPToContext
 */
export function extractTrace(options: ExtractTraceOptions = {}): (ctx: Context, message: Incoming) => Context {
  const { propagator = traceContext } = options;
  return (ctx, message) => {
    let extracted = ROOT_CONTEXT;
    try {
      extracted = propagator.extract(ROOT_CONTEXT, message, getter);
    } catch (error) {
      diag.error("@kit/tracing-otel: extract failed", error);
    }
    return ctx.with(otelContext, extracted);
  };
}

/**
 * For a client's `before`, on any transport: the other side continues the trace. A trace that is not sampled goes along too, so that
 * nobody below samples it.
 *
 * @see go-kit tracing/opentracing/http.go, ContextToHTTP
 */
export function injectTrace(options: InjectTraceOptions = {}): (ctx: Context, message: Outgoing) => void {
  const { propagator = traceContext } = options;
  return (ctx, message) => {
    try {
      propagator.inject(otelContextOf(ctx), message, setter);
    } catch (error) {
      diag.error("@kit/tracing-otel: inject failed", error);
    }
  };
}
