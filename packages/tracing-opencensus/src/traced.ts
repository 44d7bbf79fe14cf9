import { type AnyMiddleware, callInfo, type Context, contextKey, type ContextKey } from "@kit/endpoint";
import { type Attributes, LinkType, type Span, SpanKind, type Tracer, type TracerBase } from "@opencensus/core";
import { CallSpan } from "./call-span.ts";
import { asked, type OnError, tell } from "./fault.ts";
import { contextOf, type Parent, parent } from "./parent.ts";

/** The description of a method that `implement` hands over fits as it is. */
export interface TracedOptions {
  /** Whose method is called. @default on a server what `callInfo` in the context says, else none */
  readonly service?: string;
  /** The method, or any other name for the work. @default on a server what `callInfo` in the context says, else `endpoint` */
  readonly name?: string;
  /** `SpanKind.CLIENT` around a client, `SpanKind.UNSPECIFIED` around anything in between. @default SpanKind.SERVER */
  readonly kind?: SpanKind;
  /** Another name for the span of this call, from the one that it would have; an empty one leaves that. @default `<service>/<name>`. @see go-kit WithSpanName */
  readonly spanName?: (ctx: Context, name: string) => string;
  /** Given to each span when it is opened. @default none. @see go-kit WithEndpointAttributes, WithSpanAttributes */
  readonly attributes?: Attributes | ((ctx: Context) => Attributes);
  /** How many of the traces that begin here are sampled, from 0 to 1; it goes before the caller's decision too. @default the tracer's own rate, and the caller's decision. @see go-kit WithSampler */
  readonly samplingRate?: number;
  /** Whether a span is marked as failed for a response that carries a business failure; either way it is named. @default false, as in go-kit */
  readonly ignoreBusinessErrors?: boolean;
  /** Hears of what the tracer throws, and the two functions above; no call fails for it. @default nobody hears */
  readonly onError?: OnError;
}

/** Which attempt at its call this is, as `@kit/lb` counts them and has them cross the wires. */
const attempt: ContextKey<number> = {
  ...contextKey<number>("attempt"),
  carry: { encode: String, decode: (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined) },
};

/**
 * Opens a span for each call, a child of the one in the context or else of the tracer's current one, and ends it with the call: when its
 * promise settles, its stream is read to the end or left, or its context is over, whichever is first. While the endpoint runs, the span is
 * in its context; one that begins a trace, or continues a caller's, is the tracer's current root span too.
 *
 * - Its name is `<service>/<name>`; its attributes are those of the request that `extractTrace` has seen.
 * - Its status is `OK`, or the code of the error with its message. A `RetryError` has what each attempt failed with in `gokit.retry.error.1` and so on.
 * - A response with a business failure has it in `gokit.business.error` and in its status.
 * - A call that is not the first attempt has `gokit.retry.attempt`.
 *
 * Below a span that is not sampled nothing is opened. Nothing that the tracer does fails a call: what it throws goes to `onError`.
 *
 * @param tracer - yours, as are its sampling and its exporters; one that is not started does nothing.
 * @throws {TypeError} when `tracer` is none, or `samplingRate` is not from 0 to 1.
 *
 * @example
 * const endpoints = implement(Add, handlers, (method) => traced(tracer, method));
 * @see go-kit tracing/opencensus/endpoint.go, TraceEndpoint
 */
export function traced(tracer: TracerBase, options: TracedOptions = {}): AnyMiddleware {
  if (typeof tracer?.startRootSpan !== "function") {
    throw new TypeError("traced: tracer must be a tracer of OpenCensus");
  }
  const { service, name, kind = SpanKind.SERVER, spanName, attributes, samplingRate, onError } = options;
  if (samplingRate !== undefined && !(samplingRate >= 0 && samplingRate <= 1)) {
    throw new TypeError(`traced: samplingRate must be from 0 to 1, not ${samplingRate}`);
  }
  const ending = { ignoreBusinessErrors: options.ignoreBusinessErrors ?? false, onError };
  const outgoing = kind === SpanKind.CLIENT;

  const nameOf = (ctx: Context): string => {
    // A client's context may still be that of the call it is a part of.
    const info = kind === SpanKind.SERVER ? ctx.get(callInfo) : undefined;
    const calledService = service ?? info?.service ?? "";
    const calledName = name ?? info?.method ?? "";
    const usual = calledService === "" ? calledName || "endpoint" : `${calledService}/${calledName}`;
    return spanName === undefined ? usual : asked(onError, "", () => spanName(ctx, usual)) || usual;
  };

  const describe = (span: Span, ctx: Context, above: Parent | undefined): void => {
    if (above?.remote !== undefined) span.remoteParent = true;
    const { linked } = above ?? {};
    if (linked !== undefined) span.addLink(linked.traceId, linked.spanId, LinkType.PARENT_LINKED_SPAN);
    const count = ctx.get(attempt) ?? 1;
    const all: Attributes = {
      ...above?.attributes,
      ...(count > 1 && { "gokit.retry.attempt": count }),
      ...(typeof attributes === "function" ? asked(onError, {}, () => attributes(ctx)) : attributes),
    };
    for (const [key, value] of Object.entries(all)) span.addAttribute(key, value);
  };

  return (next) => (request, ctx) => {
    const above = ctx.get(parent) ?? currentOf(tracer);
    const over = above?.span;
    // Below what is not recorded nothing is, whatever the rate here; that stays what is passed on.
    if (!tracer.active || (over !== undefined && !over.started && !over.ended)) return next(request, ctx);

    let called: Promise<any> | undefined;
    const call = (span: Span): Promise<any> => {
      const child = ctx.with(parent, { span, outgoing });
      if (!span.started) return (called = promised(() => next(request, child)));
      describe(span, ctx, above);
      const { succeed, fail } = new CallSpan(span, ctx, ending);
      called = promised(() => next(request, child)).then(succeed, (error: unknown) => {
        fail(error);
        throw error;
      });
      return called;
    };
    const named = { name: nameOf(ctx), kind };
    try {
      if (over?.started) return call(tracer.startChildSpan({ ...named, childOf: over }));
      // A span that has ended can have no children, but the trace goes on.
      const spanContext = contextOf(above);
      return tracer.startRootSpan(
        {
          ...named,
          ...(spanContext !== undefined && { spanContext }),
          ...(samplingRate !== undefined && { samplingRate }),
        },
        call,
      );
    } catch (error) {
      tell(onError, error);
      // The tracer leaves the root that it could not open behind as its current one.
      if (!over?.started) (tracer as Partial<Tracer>).clearCurrentTrace?.();
      return called ?? next(request, ctx);
    }
  };
}

/** What an instrumentation of OpenCensus's has opened. */
function currentOf(tracer: TracerBase & Partial<Pick<Tracer, "currentRootSpan">>): Parent | undefined {
  const span = tracer.currentRootSpan;
  return span?.started ? { span } : undefined;
}

/** What throws at once would leave the current root span of the tracer behind. */
function promised<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}
