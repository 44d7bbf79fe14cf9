import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-node";

/** What is told of a span. */
interface SpanReport {
  readonly name: string;
  /** Whether it is the gateway's own or an attempt at an instance. */
  readonly kind: "server" | "client" | "internal";
  /** Since the Unix epoch, in ms. */
  readonly startMs: number;
  readonly tookMs: number;
  /** A code, or ok. */
  readonly outcome: string;
  /** Who was called. */
  readonly instance?: string;
  /** Who called. */
  readonly caller?: string;
}

/** A trace as far as it went through the gateway. */
export interface TraceReport {
  readonly traceId: string;
  readonly spans: readonly SpanReport[];
}

/** The last traces, in memory, for people to look at. */
export interface RecentTraces extends SpanProcessor {
  /** The newest first. */
  reports(): readonly TraceReport[];
}

const mostTraces = 100;
/** A caller chooses its trace, and may put many calls into one. */
const mostSpans = 20;

export function recentTraces(): RecentTraces {
  const traces = new Map<string, SpanReport[]>();
  return {
    onStart() {},
    onEnd(span) {
      const { traceId } = span.spanContext();
      let spans = traces.get(traceId);
      if (spans === undefined) {
        traces.set(traceId, (spans = []));
        if (traces.size > mostTraces) traces.delete(traces.keys().next().value!);
      }
      spans.push(report(span));
      if (spans.length > mostSpans) spans.shift();
    },
    reports() {
      return [...traces].map(([traceId, spans]) => ({ traceId, spans: spans.toSorted(byStart) })).toReversed();
    },
    async forceFlush() {},
    async shutdown() {},
  };
}

/** Starts are whole milliseconds, in which a call and its first attempt may begin together. */
function byStart(a: SpanReport, b: SpanReport): number {
  return a.startMs - b.startMs || Number(b.kind === "server") - Number(a.kind === "server");
}

const kinds: Readonly<Record<number, SpanReport["kind"]>> = {
  [SpanKind.SERVER]: "server",
  [SpanKind.CLIENT]: "client",
};

function report({ name, kind, startTime, duration, status, attributes }: ReadableSpan): SpanReport {
  const { "error.type": error, "server.address": instance, "enduser.id": caller } = attributes;
  const failed = status.code === SpanStatusCode.ERROR ? "error" : "ok";
  return {
    name,
    kind: kinds[kind] ?? "internal",
    startMs: inMs(startTime),
    tookMs: inMs(duration),
    outcome: String(error ?? failed),
    ...(instance !== undefined && { instance: String(instance) }),
    ...(caller !== undefined && { caller: String(caller) }),
  };
}

function inMs([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1e3 + nanoseconds / 1e6;
}
