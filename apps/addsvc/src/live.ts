import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BreakerState } from "@kit/circuitbreaker";
import type { MemoryMetrics } from "@kit/metrics";
import type { Quota } from "@kit/ratelimit";
import type { Limits } from "./settings.ts";
import { routeOf, type Trace, type TraceStore } from "./traces.ts";

/** What the page shows of one moment. */
interface Snapshot {
  readonly instances: readonly { readonly address: string; readonly calls: number; readonly breaker: BreakerState }[];
  /** Of the time since the last snapshot. */
  readonly callsPerSecond: number;
  /** By how they ended. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly limits: Readonly<Record<string, Quota>>;
  readonly traces: readonly (Trace & { readonly route: readonly string[] })[];
}

export interface LiveOptions {
  /** What `measured` writes to; emptied with each snapshot. */
  readonly recent: MemoryMetrics;
  readonly limits: Limits;
  readonly traces: TraceStore;
  readonly instances: () => Snapshot["instances"];
}

/** Somebody who watches. */
interface Viewer {
  show(snapshot: Snapshot): void;
  /** There is nothing more to come. */
  end(): void;
}

/** Tells whoever watches how things are, each second. */
export interface Live {
  /** @returns ends it. */
  watch(viewer: Viewer): () => void;
  close(): void;
}

const intervalMs = 1_000;
const maxTraces = 8;

export function liveFeed({ recent, limits, traces, instances }: LiveOptions): Live {
  const viewers = new Set<Viewer>();
  let timer: NodeJS.Timeout | undefined;
  let since = performance.now();

  function look(): Snapshot {
    const seconds = (performance.now() - since) / 1_000;
    since = performance.now();
    const outcomes: Record<string, number> = {};
    let count = 0;
    let [p50, p99] = [0, 0];
    for (const series of recent.reset()) {
      if (series.kind !== "histogram" || series.distribution.count === 0) continue;
      const { distribution, labels } = series;
      const outcome = labels["code"] ?? "";
      outcomes[outcome] = (outcomes[outcome] ?? 0) + distribution.count;
      count += distribution.count;
      // The slowest method is what people wait for.
      p50 = Math.max(p50, distribution.quantile(0.5)! * 1_000);
      p99 = Math.max(p99, distribution.quantile(0.99)! * 1_000);
    }
    return {
      instances: instances(),
      callsPerSecond: count / seconds,
      outcomes,
      latencyMs: { p50, p99 },
      limits: Object.fromEntries(Object.entries(limits).map(([name, bucket]) => [name, bucket.quota()])),
      traces: traces.last.slice(0, maxTraces).map((trace) => ({ ...trace, route: routeOf(trace) })),
    };
  }

  function tell(): void {
    const snapshot = look();
    for (const viewer of viewers) viewer.show(snapshot);
  }

  return {
    watch(viewer) {
      viewers.add(viewer);
      if (timer === undefined) {
        // What was counted while nobody looked is of no second.
        recent.reset();
        since = performance.now() - intervalMs;
        timer = setInterval(tell, intervalMs).unref();
      }
      viewer.show(look());
      return () => {
        viewers.delete(viewer);
        if (viewers.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    close() {
      for (const viewer of viewers) viewer.end();
    },
  };
}

const page = new URL("../page/index.html", import.meta.url);

/** `/` is the page, `/live` its feed of server-sent events; everything else is somebody else's. */
export function liveHandler(live: Live, otherwise: Listener): Listener {
  return (request, response) => {
    const path = request.url?.split("?")[0];
    if (request.method !== "GET" || (path !== "/" && path !== "/live")) otherwise(request, response);
    else if (path === "/live") feed(live, response);
    else void serve(response);
  };
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

function feed(live: Live, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const leave = live.watch({
    show(snapshot) {
      // Who does not read has enough waiting already.
      if (!response.writableNeedDrain) response.write(`data: ${JSON.stringify(snapshot)}\n\n`);
    },
    end: () => void response.end(),
  });
  response.once("close", leave);
}

async function serve(response: ServerResponse): Promise<void> {
  const html = await readFile(page);
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    // All of it is in the one file.
    "content-security-policy":
      "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:",
  });
  response.end(html);
}
