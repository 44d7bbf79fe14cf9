import type { Context } from "@kit/endpoint";
import { defineService, type EndpointsOf, until } from "@kit/service";
import { z } from "zod";

/** A span, as far as a page shows it. */
interface Span {
  readonly id: string;
  readonly parent: string | undefined;
  /** The process that it was in. */
  readonly process: string;
  readonly name: string;
  readonly kind: "client" | "server" | "internal";
  /** In ms since the Unix epoch. */
  readonly start: number;
  readonly tookMs: number;
  readonly error: string | undefined;
}

export interface Trace {
  readonly id: string;
  /** Each behind its parent. */
  readonly spans: readonly Span[];
}

const attributes = z
  .array(z.object({ key: z.string(), value: z.object({ stringValue: z.string().optional() }) }))
  .default([]);
const otlpSpan = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  startTimeUnixNano: z.coerce.number(),
  endTimeUnixNano: z.coerce.number(),
  attributes,
});
const otlp = z.object({
  resourceSpans: z.array(
    z.object({ resource: z.object({ attributes }), scopeSpans: z.array(z.object({ spans: z.array(otlpSpan) })) }),
  ),
});

/** OTLP's own path and form, as much of it as is shown; so a real collector can take its place. */
export const Traces = defineService("traces", {
  export: { request: otlp, response: z.object({}), http: "POST /v1/traces" },
  list: { request: z.unknown(), response: z.array(z.custom<Trace>()), http: "GET /traces" },
});

/** The last traces, in memory. */
export interface TraceStore extends EndpointsOf<typeof Traces> {
  readonly last: readonly Trace[];
  /** Resolves with the trace when it has so many spans. */
  complete(id: string, spans: number, ctx: Context): Promise<Trace>;
}

/** How many traces are kept, and how many spans of one. */
const [maxTraces, maxSpans] = [50, 200];

export function traceStore(): TraceStore {
  const traces = new Map<string, Span[]>();
  const waiting = new Set<() => void>();
  const last = (): Trace[] => Array.from(traces, ([id, spans]) => ({ id, spans: inOrder(spans) })).toReversed();

  return {
    async export({ resourceSpans }) {
      for (const { resource, scopeSpans } of resourceSpans) {
        const process = textOf(resource.attributes, "service.name") ?? "unknown";
        for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
          const spans = traces.get(span.traceId) ?? [];
          traces.set(span.traceId, spans);
          if (spans.length < maxSpans) spans.push(spanOf(span, process));
        }
      }
      for (const id of traces.keys()) {
        if (traces.size <= maxTraces) break;
        traces.delete(id);
      }
      for (const look of waiting) look();
      return {};
    },
    list: async () => last(),
    get last() {
      return last();
    },
    async complete(id, count, ctx) {
      const there = new Promise<void>((resolve) => {
        const look = (): void => {
          if ((traces.get(id)?.length ?? 0) < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
      await until(ctx, there);
      return { id, spans: inOrder(traces.get(id)!) };
    },
  };
}

function spanOf(span: z.output<typeof otlpSpan>, process: string): Span {
  return {
    id: span.spanId,
    parent: span.parentSpanId || undefined,
    process,
    name: span.name,
    kind: span.kind === 3 ? "client" : span.kind === 2 ? "server" : "internal",
    start: span.startTimeUnixNano / 1e6,
    tookMs: (span.endTimeUnixNano - span.startTimeUnixNano) / 1e6,
    error: textOf(span.attributes, "error.type"),
  };
}

function textOf(list: z.output<typeof attributes>, key: string): string | undefined {
  return list.find((attribute) => attribute.key === key)?.value.stringValue;
}

/** Clocks of processes differ, and tick in whole milliseconds: who called whom counts, and only among siblings the time. */
function inOrder(spans: readonly Span[]): readonly Span[] {
  const known = new Set(spans.map(({ id }) => id));
  const below = new Map<string, Span[]>();
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    const parent = span.parent !== undefined && known.has(span.parent) ? span.parent : "";
    below.set(parent, [...(below.get(parent) ?? []), span]);
  }
  const walk = (parent: string): Span[] => (below.get(parent) ?? []).flatMap((span) => [span, ...walk(span.id)]);
  return walk("");
}

/** Where a call went: the process that began it, then each method that was served and where. */
export function routeOf({ spans }: Trace): readonly string[] {
  const served = spans.filter(({ kind }) => kind === "server").map(({ name, process }) => `${name} on ${process}`);
  const [first] = spans;
  return first === undefined || first.kind === "server" ? served : [first.process, ...served];
}
