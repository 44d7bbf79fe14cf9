import { type AnyMiddleware, callInfo, type Context, contextKey, type ContextKey } from "@kit/endpoint";
import { type Span, Tags, type Tracer } from "opentracing";
import { CallSpan } from "./call-span.ts";
import { asked, type OnError, tell } from "./fault.ts";
import { type Parent, parent } from "./parent.ts";

/** The description of a method that `implement` hands over fits as it is. */
export interface TracedOptions {
  /** Whose method is called. @default on a server what `callInfo` in the context says, else none */
  readonly service?: string;
  /** The method, or any other name for the work. @default on a server what `callInfo` in the context says, else `endpoint` */
  readonly name?: string;
  /** The tag `component`: `http`, `grpc`, `nats`, … @default on a server what `callInfo` in the context says, else none */
  readonly transport?: string;
  /** The tag `span.kind`: `client` around a client; `internal`, for anything in between, has no such tag. @default `server` */
  readonly kind?: "server" | "client" | "producer" | "consumer" | "internal";
  /** Another name for the span of this call, from the one that it would have; an empty one leaves that. @default `<service>/<name>`. @see go-kit WithOperationNameFunc */
  readonly operationName?: (ctx: Context, name: string) => string;
  /** Given to each span when it is started, so that a sampler sees them. @default none. @see go-kit WithTags, WithTagsFunc */
  readonly tags?: Readonly<Record<string, unknown>> | ((ctx: Context) => Readonly<Record<string, unknown>>);
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
 * Starts a span for each call, a child of the one in the context, and finishes it with the call: when its promise settles, its stream is
 * read to the end or left, or its context is over, whichever is first. While the endpoint runs, the span is in its context.
 *
 * - Its name is `<service>/<name>`; its tags are `span.kind`, `component`, and those of the request that `extractTrace` has seen.
 * - A failed call has the tag `error`, and the error in its log. A `RetryError` has what each attempt failed with there, in
 *   `gokit.retry.error.1` and so on.
 * - A response with a business failure has it in its log, as `gokit.business.error`, and is marked as failed.
 * - A call that is not the first attempt has the tag `gokit.retry.attempt`.
 *
 * Nothing that the tracer does fails a call: what it throws goes to `onError`.
 *
 * @param tracer - yours, as are its sampler and reporter.
 * @throws {TypeError} when `tracer` is none.
 *
 * @example
 * const endpoints = implement(Add, handlers, (method) => traced(tracer, method));
 * @see go-kit tracing/opentracing/endpoint.go, TraceEndpoint, TraceServer, TraceClient
 */
export function traced(tracer: Tracer, options: TracedOptions = {}): AnyMiddleware {
  if (typeof tracer?.startSpan !== "function") throw new TypeError("traced: tracer must be a tracer of OpenTracing");
  const { service, name, transport, kind = "server", operationName, tags, onError } = options;
  const ending = { ignoreBusinessErrors: options.ignoreBusinessErrors ?? false, onError };
  const outgoing = kind === "client" || kind === "producer";
  // A client's context may still be that of the call it is a part of.
  const told = kind !== "server" || (service !== undefined && name !== undefined && transport !== undefined);

  const nameOf = (ctx: Context, { spanName }: TracedMethod): string =>
    operationName === undefined ? spanName : asked(onError, "", () => operationName(ctx, spanName)) || spanName;

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
    const start = (ctx: Context, above: Parent | undefined): Span | undefined => {
      try {
        const method = told ? current : methodOf(ctx);
        const count = ctx.get(attempt) ?? 1;
        const childOf = above?.span ?? above?.remote;
        return tracer.startSpan(nameOf(ctx, method), {
          ...(childOf !== undefined && { childOf }),
          tags: {
            ...method.tags,
            ...above?.tags,
            ...(count > 1 && { "gokit.retry.attempt": count }),
            ...(typeof tags === "function" ? asked(onError, {}, () => tags(ctx)) : tags),
          },
        });
      } catch (error) {
        tell(onError, error);
        return undefined;
      }
    };

    return (request, ctx) => {
      const span = start(ctx, ctx.get(parent));
      if (span === undefined) return next(request, ctx);
      const { succeed, fail } = new CallSpan(span, ctx, ending);
      try {
        return next(request, ctx.with(parent, { span, outgoing })).then(succeed, (error: unknown) => {
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
  readonly tags: Readonly<Record<string, unknown>>;

  constructor(kind: NonNullable<TracedOptions["kind"]>, service: string, name: string, transport: string) {
    this.service = service;
    this.name = name;
    this.transport = transport;
    this.spanName = service === "" ? name || "endpoint" : `${service}/${name}`;
    this.tags = {
      ...(kind !== "internal" && { [Tags.SPAN_KIND]: kind }),
      ...(transport !== "" && { [Tags.COMPONENT]: transport }),
    };
  }
}
