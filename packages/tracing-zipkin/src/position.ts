import { type Context, contextKey, type ContextKey } from "@kit/endpoint";
import { option, randomTraceId, TraceId } from "zipkin";
import { type Decision, hasIds } from "./b3.ts";
import type { Span } from "./traced-span.ts";

/** Where in its trace a call stands: in a span of this process, or where its caller's headers have put it. */
export class Position {
  readonly b3: TraceId | Decision;
  /** Whether it came over the wire. */
  readonly remote: boolean;
  /** The span in hand, where it is recorded. */
  readonly span: Span | undefined;
  #shares: number;

  /** @param shares - how many on the other side may have this id: 1 for what a server joins, since Zipkin takes all that bear one id for one span. */
  constructor(b3: TraceId | Decision, shares: number, remote = false, span?: Span) {
    this.b3 = b3;
    this.remote = remote;
    this.span = span;
    this.#shares = shares;
  }

  /** Whether the id may be used once more. */
  share(): boolean {
    return this.#shares > 0 && this.#shares-- > 0;
  }

  /** Whether it has been decided that this trace is not recorded. */
  get unsampled(): boolean {
    return hasIds(this.b3) && !this.b3.sampled.getOrElse(true);
  }

  /** What goes over the wire: this span's id, or one that nobody has yet, below it. */
  sent(): TraceId | Decision {
    const { b3 } = this;
    if (!hasIds(b3) || this.unsampled || this.share()) return b3;
    const { traceId: trace, spanId: parent, sampled } = b3;
    const parentId = new option.Some(parent);
    return new TraceId({ traceId: trace, spanId: randomTraceId(), parentId, sampled, debug: b3.isDebug() });
  }
}

export const position: ContextKey<Position> = contextKey("@kit/tracing-zipkin/position");

/** The id of the call in hand, for what takes one: `tracer.letId(idOf(ctx)!, …)`, `tracer.createChildId(idOf(ctx))`. */
export function idOf(ctx: Context | undefined): TraceId | undefined {
  const b3 = ctx?.get(position)?.b3;
  return b3 !== undefined && hasIds(b3) ? b3 : undefined;
}

/** A child whose calls are children of this id, of a span that you record yourself. */
export function withId(ctx: Context, id: TraceId): Context {
  return ctx.with(position, new Position(id, 0));
}

/** The span of the call in hand, to tag and to annotate; none where it is not recorded. */
export function spanOf(ctx: Context): Span | undefined {
  return ctx.get(position)?.span;
}

/** For logs: the trace that a record's context belongs to, 16 or 32 hex digits; bind it, `bind(logger, { trace_id: traceId })`. */
export function traceId(ctx?: Context): string | undefined {
  return idOf(ctx)?.traceId;
}

/** For logs: the span that a record's context belongs to, 16 hex digits. A server's is often that of the client which called it. */
export function spanId(ctx?: Context): string | undefined {
  return idOf(ctx)?.spanId;
}
