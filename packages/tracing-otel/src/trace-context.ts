import {
  type Context,
  createTraceState,
  INVALID_SPANID,
  INVALID_TRACEID,
  isSpanContextValid,
  type SpanContext,
  type TextMapPropagator,
  trace,
  TraceFlags,
} from "@opentelemetry/api";

/** Version, trace id, parent id, flags, and what a later version may have added. */
const parentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * W3C Trace Context: the headers `traceparent` and `tracestate`. The same as the SDK's `W3CTraceContextPropagator`, so that nothing has to be
 * registered, and no SDK be there, for a trace to pass through.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export const traceContext: TextMapPropagator = {
  inject(context, carrier, setter) {
    const span = trace.getSpanContext(context);
    if (span === undefined || !isSpanContextValid(span)) return;
    const flags = (span.traceFlags & TraceFlags.SAMPLED) === 0 ? "00" : "01";
    setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-${flags}`);
    const state = span.traceState?.serialize();
    if (state) setter.set(carrier, "tracestate", state);
  },

  extract(context, carrier, getter): Context {
    const span = parentOf(getter.get(carrier, "traceparent"));
    if (span === undefined) return context;
    const state = getter.get(carrier, "tracestate");
    // Several lines of it are one list.
    if (state) span.traceState = createTraceState(String(state));
    return trace.setSpanContext(context, span);
  },

  fields: () => ["traceparent", "tracestate"],
};

/** A header that is none, or comes twice, is as good as missing. */
function parentOf(header: unknown): SpanContext | undefined {
  const [, version, traceId, spanId, flags, rest] =
    (typeof header === "string" ? parentForm.exec(header.trim()) : undefined) ?? [];
  if (traceId === undefined || spanId === undefined || version === "ff" || (version === "00" && rest !== undefined)) {
    return undefined;
  }
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) return undefined;
  // Whole from the start: a copy by spreads costs more than all the rest of this.
  return { traceId, spanId, traceFlags: Number.parseInt(flags!, 16) & TraceFlags.SAMPLED, isRemote: true };
}
