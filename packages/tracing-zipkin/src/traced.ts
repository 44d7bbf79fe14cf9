import { type AnyMiddleware, callInfo, type Context } from "@kit/endpoint";
import {
  attemptOf,
  type CalledMethod,
  calledMethod,
  inSpan,
  retryAttempt,
  type TracedMethodOptions,
} from "@kit/tracing";
import type { IAnnotation, TraceId, Tracer } from "zipkin";
import { addressOf } from "./address.ts";
import { hasIds } from "./b3.ts";
import { Position, position } from "./position.ts";
import { type Kind, remoteOf, TracedMethod } from "./traced-method.ts";
import { TracedSpan } from "./traced-span.ts";
import type { FullTracer } from "./tracer.ts";

export interface TracedOptions extends TracedMethodOptions {
  /** The tag `rpc.system.name`: `http`, `grpc`, `nats`, … @default on a server what `callInfo` in the context says, else none */
  readonly transport?: string;
  /** `CLIENT` around a client, `PRODUCER` and `CONSUMER` around what waits for no reply, `LOCAL` around anything in between. @default "SERVER" */
  readonly kind?: Kind;
  /** What the other side's own tracer calls it. @default around a client `service`, else none */
  readonly remoteService?: string;
  /** Where the other side is: `10.0.0.7:8080` or `10.0.0.7`; the library knows IPv4 only. @default on a server what `callInfo` says of the peer, else none */
  readonly remoteAddress?: string;
  /** Set on each span that is recorded. @default none */
  readonly tags?: Tags | ((ctx: Context) => Tags);
}

type Tags = Readonly<Record<string, string | number | boolean>>;

/** How many on the other side may have a span's id; see {@link Position}. */
const shares: Readonly<Record<Kind, number>> = { CLIENT: 1, PRODUCER: Infinity, SERVER: 0, CONSUMER: 0, LOCAL: 0 };

/**
 * Opens a span for each call that is sampled and ends it with the call: when its promise settles, its stream is read to the end or left, or
 * its context is over, whichever is first. On a server it is the caller's own span as seen from here, unless the tracer was made with
 * `supportsJoin: false`; anywhere else a child of the one in the context, or of the tracer's current one.
 *
 * - Its name and the tag `rpc.method` are `<service>/<name>`.
 * - A failed call has `error`, the text, and `error.type`, its code. A `RetryError` has what each attempt failed with in
 *   `gokit.retry.error.1` and so on.
 * - A response with a business failure has it in `gokit.business.error` and in `error`.
 * - A call that is not the first attempt has `gokit.retry.attempt`.
 *
 * Whether to sample is decided before the call, once for a trace: a call that is not costs a look into its context, or at a root the
 * sampler. Nothing that the sampler or the recorder does fails a call: what they throw goes to the tracer's `log`.
 *
 * @param tracer - yours, as are its sampler and its recorder.
 * @throws {TypeError} when `tracer` is none, or an option is wrong.
 *
 * @example
 * const endpoints = implement(Add, handlers, (method) => traced(tracer, method));
 * @see go-kit tracing/zipkin/endpoint.go, http.go, grpc.go
 */
export function traced(tracer: Tracer, options: TracedOptions = {}): AnyMiddleware {
  if (!isTracer(tracer)) throw new TypeError("traced: tracer must be a tracer of zipkin");
  const { service, name, transport, kind = "SERVER", tags, ignoreBusinessErrors = false } = options;
  if (!Object.hasOwn(shares, kind)) {
    throw new TypeError(`traced: kind must be one of ${Object.keys(shares).join(", ")}, got ${kind}`);
  }
  const { remoteService = kind === "CLIENT" ? service : undefined, remoteAddress } = options;
  const address = addressOf(remoteAddress);
  if (remoteAddress !== undefined && address === undefined) {
    throw new TypeError(`traced: remoteAddress must be an IPv4 address, with a port or without, got ${remoteAddress}`);
  }
  const remote = remoteOf(kind, { service: remoteService, address });
  const ending = { kind, ignoreBusinessErrors };
  const describe = (called: CalledMethod) => new TracedMethod(tracer, kind, called);

  const idBelow = (above: Position | undefined): TraceId => {
    if (above === undefined) return tracer.createChildId();
    const { b3 } = above;
    if (!hasIds(b3)) return tracer.createRootId(b3.sampled, b3.isDebug());
    return kind === "SERVER" && above.remote && above.share() ? tracer.join(b3) : tracer.createChildId(b3);
  };
  const peerOf = (ctx: Context): IAnnotation | undefined =>
    kind === "SERVER" ? remoteOf(kind, { address: addressOf(ctx.get(callInfo)?.peer) }) : undefined;

  return (next) => {
    const methodOf = calledMethod({ service, name, transport, served: kind === "SERVER" }, describe);
    const open = (id: TraceId, ctx: Context): TracedSpan | undefined => {
      try {
        const span = new TracedSpan(tracer, id, methodOf(ctx), ending);
        const other = remote ?? peerOf(ctx);
        if (other !== undefined) span.add(other);
        for (const [key, value] of Object.entries((typeof tags === "function" ? tags(ctx) : tags) ?? {})) {
          span.tag(key, value);
        }
        const count = attemptOf(ctx);
        if (count !== undefined) span.tag(retryAttempt, count);
        return span;
      } catch (error) {
        tracer.log.error("@kit/tracing-zipkin: a span cannot be opened", error);
        return undefined;
      }
    };

    return (request, ctx) => {
      const above = ctx.get(position);
      if (above?.unsampled) return tracer.letId(above.b3 as TraceId, () => next(request, ctx));
      let id: TraceId;
      try {
        id = idBelow(above);
      } catch (error) {
        tracer.log.error("@kit/tracing-zipkin: a call cannot be sampled", error);
        return next(request, ctx);
      }
      const span = id.sampled.getOrElse(false) ? open(id, ctx) : undefined;
      const child = ctx.with(position, new Position(id, shares[kind], false, span));
      const call = () => tracer.letId(id, () => next(request, child));
      return span === undefined ? call() : inSpan(span, ctx, call);
    };
  };
}

function isTracer(tracer: Tracer): tracer is FullTracer {
  return ["createChildId", "join", "letId"].every(
    (method) => typeof (tracer as unknown as Record<string, unknown> | undefined)?.[method] === "function",
  );
}
