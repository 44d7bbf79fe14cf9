import type { AnyMiddleware, Context } from "@kit/endpoint";
import {
  attemptOf,
  type CalledMethod,
  calledMethod,
  inSpan,
  retryAttempt,
  type TracedMethodOptions,
} from "@kit/tracing";
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
import { otelContext, otelContextOf } from "./otel-context.ts";
import { TracedSpan } from "./traced-span.ts";

export interface TracedOptions extends TracedMethodOptions {
  /** `rpc.system.name`: `http`, `grpc`, `nats`, … @default on a server what `callInfo` in the context says, else none */
  readonly transport?: string;
  /** `SpanKind.CLIENT` around a client, `SpanKind.INTERNAL` around anything in between. @default SpanKind.SERVER */
  readonly kind?: SpanKind;
  /** Given to each span when it is opened, so that a sampler sees them. @default none */
  readonly attributes?: Attributes | ((ctx: Context) => Attributes);
}

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
  const describe = ({ spanName, transport: over }: CalledMethod) => {
    const isCall = kind === SpanKind.SERVER || kind === SpanKind.CLIENT;
    const common: Attributes = {
      ...(isCall && { "rpc.method": spanName }),
      ...(isCall && over !== "" && { "rpc.system.name": over }),
    };
    return { spanName, common };
  };

  return (next) => {
    const methodOf = calledMethod({ service, name, transport, served: kind === SpanKind.SERVER }, describe);
    const open = (ctx: Context, parent: OtelContext): Span | undefined => {
      try {
        const { spanName, common } = methodOf(ctx);
        const own = typeof attributes === "function" ? attributes(ctx) : attributes;
        const all = own === undefined ? common : { ...common, ...own };
        return tracer.startSpan(spanName, { kind, attributes: all }, parent);
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
      const count = attemptOf(ctx);
      if (count !== undefined) span.setAttribute(retryAttempt, count);
      const call = () => context.with(active, next, undefined, request, child);
      return inSpan(new TracedSpan(span, active, ending), ctx, call);
    };
  };
}
