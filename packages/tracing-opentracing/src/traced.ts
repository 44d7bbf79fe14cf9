import type { AnyMiddleware, Context } from "@kit/endpoint";
import {
  asked,
  attemptOf,
  type CalledMethod,
  calledMethod,
  inSpan,
  type OnError,
  retryAttempt,
  tell,
  type TracedMethodOptions,
} from "@kit/tracing";
import { type Span, Tags as names, type Tracer } from "opentracing";
import { type Parent, parent } from "./parent.ts";
import { TracedSpan } from "./traced-span.ts";

export interface TracedOptions extends TracedMethodOptions {
  /** The tag `component`: `http`, `grpc`, `nats`, … @default on a server what `callInfo` in the context says, else none */
  readonly transport?: string;
  /** The tag `span.kind`: `client` around a client; `internal`, for anything in between, has no such tag. @default `server` */
  readonly kind?: "server" | "client" | "producer" | "consumer" | "internal";
  /** Another name for the span of this call, from the one that it would have; an empty one leaves that. @default `<service>/<name>`. @see go-kit WithOperationNameFunc */
  readonly operationName?: (ctx: Context, name: string) => string;
  /** Given to each span when it is opened, so that a sampler sees them. @default none. @see go-kit WithTags, WithTagsFunc */
  readonly tags?: Tags | ((ctx: Context) => Tags);
  /** Hears of what the tracer throws, and the two functions above; no call fails for it. @default nobody hears */
  readonly onError?: OnError;
}

type Tags = Readonly<Record<string, unknown>>;

/**
 * Opens a span for each call, a child of the one in the context, and ends it with the call: when its promise settles, its stream is
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

  const describe = ({ spanName, transport: over }: CalledMethod) => {
    const common: Tags = {
      ...(kind !== "internal" && { [names.SPAN_KIND]: kind }),
      ...(over !== "" && { [names.COMPONENT]: over }),
    };
    return { spanName, common };
  };
  const nameOf = (ctx: Context, spanName: string): string =>
    operationName === undefined ? spanName : asked(onError, "", () => operationName(ctx, spanName)) || spanName;

  return (next) => {
    const methodOf = calledMethod({ service, name, transport, served: kind === "server" }, describe);
    const open = (ctx: Context, above: Parent | undefined): Span | undefined => {
      try {
        const { spanName, common } = methodOf(ctx);
        const count = attemptOf(ctx);
        const childOf = above?.span ?? above?.remote;
        return tracer.startSpan(nameOf(ctx, spanName), {
          ...(childOf !== undefined && { childOf }),
          tags: {
            ...common,
            ...above?.tags,
            ...(count !== undefined && { [retryAttempt]: count }),
            ...(typeof tags === "function" ? asked(onError, {}, () => tags(ctx)) : tags),
          },
        });
      } catch (error) {
        tell(onError, error);
        return undefined;
      }
    };

    return (request, ctx) => {
      const span = open(ctx, ctx.get(parent));
      if (span === undefined) return next(request, ctx);
      const child = ctx.with(parent, { span, outgoing });
      return inSpan(new TracedSpan(span, ending), ctx, () => next(request, child));
    };
  };
}
