import type { Context } from "@kit/endpoint";
import type { Incoming, Outgoing } from "@kit/tracing";
import { decide, readB3, writeMulti, writeSingle } from "./b3.ts";
import { Position, position } from "./position.ts";

export interface ExtractTraceOptions<Message extends Incoming = Incoming> {
  /**
   * Decides by the request where its caller has not; `undefined`, or to throw, leaves it to the tracer's sampler.
   *
   * @default the tracer's sampler decides
   * @see go-kit tracing/zipkin/options.go, RequestSampler
   */
  readonly sampled?: (ctx: Context, message: Message) => boolean | undefined;
}

export interface InjectTraceOptions {
  /** `multi` are the headers `x-b3-traceid` and so on, `single` is `b3`. Both are read either way. @default "multi", which go-kit reads on every transport */
  readonly format?: "multi" | "single" | "both";
}

/**
 * For a server's `before`, on any transport: what `traced` opens for the call then is the caller's span seen from here, and sampled if that is.
 * Without such headers it is the root of a new trace, whatever the tracer's current id was when the server was started.
 *
 * @see go-kit tracing/zipkin/http.go, HTTPServerTrace; tracing/zipkin/grpc.go, GRPCServerTrace
 */
export function extractTrace<Message extends Incoming = Incoming>(
  options: ExtractTraceOptions<Message> = {},
): (ctx: Context, message: Message) => Context {
  const { sampled } = options;
  return (ctx, message) => {
    let b3 = readB3(message);
    if (sampled !== undefined && b3.sampled.type === "None") {
      try {
        b3 = decide(b3, sampled(ctx, message));
      } catch {
        // The tracer's sampler is still there.
      }
    }
    return ctx.with(position, new Position(b3, 1, true));
  };
}

/**
 * For a client's `before`, on any transport: the other side continues the trace. A trace that is not sampled goes along too, so that
 * nobody below samples it.
 *
 * @throws {TypeError} when `format` is none.
 * @see go-kit tracing/zipkin/http.go, HTTPClientTrace; tracing/zipkin/grpc.go, GRPCClientTrace
 */
export function injectTrace(options: InjectTraceOptions = {}): (ctx: Context, message: Outgoing) => void {
  const { format = "multi" } = options;
  if (!["multi", "single", "both"].includes(format)) {
    throw new TypeError(`injectTrace: format must be "multi", "single" or "both", got ${format as string}`);
  }
  return (ctx, message) => {
    const b3 = ctx.get(position)?.sent();
    if (b3 === undefined) return;
    if (format !== "single") writeMulti(b3, message);
    if (format !== "multi") writeSingle(b3, message);
  };
}
