import { type Context, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";

/** The span as a header for the other side to go on with. */
export function traceparent(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-0${traceFlags & 1}`;
}

/** What is to be the parent on this side. */
export function parentOf(header: string | undefined): Context {
  const [version, traceId, spanId, flags] = header?.split("-") ?? [];
  if (version !== "00" || traceId?.length !== 32 || spanId?.length !== 16) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number(flags) & 1, isRemote: true });
}
