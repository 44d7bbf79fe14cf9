import type { AnyMiddleware, Context } from "@kit/endpoint";
import {
  asked,
  attemptOf,
  calledMethod,
  inSpan,
  type OnError,
  retryAttempt,
  tell,
  type TracedMethodOptions,
} from "@kit/tracing";
import { type Attributes, LinkType, type Span, SpanKind, type Tracer, type TracerBase } from "@opencensus/core";
import { contextOf, type Parent, parent } from "./parent.ts";
import { TracedSpan } from "./traced-span.ts";

export interface TracedOptions extends TracedMethodOptions {
  /** `SpanKind.CLIENT` around a client, `SpanKind.UNSPECIFIED` around anything in between. @default SpanKind.SERVER */
  readonly kind?: SpanKind;
  /** Another name for the span of this call, from the one that it would have; an empty one leaves that. @default `<service>/<name>`. @see go-kit WithSpanName */
  readonly spanName?: (ctx: Context, name: string) => string;
  /** Given to each span when it is opened. @default none. @see go-kit WithEndpointAttributes, WithSpanAttributes */
  readonly attributes?: Attributes | ((ctx: Context) => Attributes);
  /** How many of the traces that begin here are sampled, from 0 to 1; it goes before the caller's decision too. @default the tracer's own rate, and the caller's decision. @see go-kit WithSampler */
  readonly samplingRate?: number;
  /** Hears of what the tracer throws, and the two functions above; no call fails for it. @default nobody hears */
  readonly onError?: OnError;
}

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

  const nameOf = (ctx: Context, usual: string): string =>
    spanName === undefined ? usual : asked(onError, "", () => spanName(ctx, usual)) || usual;
  const describe = (span: Span, ctx: Context, above: Parent | undefined): void => {
    if (above?.remote !== undefined) span.remoteParent = true;
    const { linked } = above ?? {};
    if (linked !== undefined) span.addLink(linked.traceId, linked.spanId, LinkType.PARENT_LINKED_SPAN);
    const count = attemptOf(ctx);
    const all: Attributes = {
      ...above?.attributes,
      ...(count !== undefined && { [retryAttempt]: count }),
      ...(typeof attributes === "function" ? asked(onError, {}, () => attributes(ctx)) : attributes),
    };
    for (const [key, value] of Object.entries(all)) span.addAttribute(key, value);
  };

  return (next) => {
    const methodOf = calledMethod(
      { service, name, transport: "", served: kind === SpanKind.SERVER },
      (called) => called.spanName,
    );
    return (request, ctx) => {
      const above = ctx.get(parent) ?? currentOf(tracer);
      const over = above?.span;
      // Below what is not recorded nothing is, whatever the rate here; that stays what is passed on.
      if (!tracer.active || (over !== undefined && !over.started && !over.ended)) return next(request, ctx);

      let called: Promise<any> | undefined;
      const call = (span: Span): Promise<any> => {
        const child = ctx.with(parent, { span, outgoing });
        const proceed = () => next(request, child);
        if (!span.started) return (called = promised(proceed));
        describe(span, ctx, above);
        const recorded = new TracedSpan(span, ending);
        return (called = promised(() => inSpan(recorded, ctx, proceed)));
      };
      const named = { name: nameOf(ctx, methodOf(ctx)), kind };
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
