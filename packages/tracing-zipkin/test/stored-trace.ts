import type { Server } from "@kit/servers";
import { vi } from "vitest";

/** A span as Zipkin's API tells it, as much of it as is looked at. */
export interface StoredSpan {
  readonly id: string;
  readonly parentId?: string;
  readonly name: string;
  readonly kind?: string;
  readonly shared?: boolean;
  readonly timestamp: number;
  readonly tags?: Readonly<Record<string, string>>;
}

/** What Zipkin has of a trace once there are as many spans, from the root down; of two with one id the client's comes first. */
export async function storedTrace({ url }: Server, traceId: string, count: number): Promise<readonly StoredSpan[]> {
  const spans = await vi.waitUntil(
    async () => {
      const response = await fetch(`${url}/api/v2/trace/${traceId}`);
      const all = response.ok ? ((await response.json()) as StoredSpan[]) : [];
      return all.length >= count && all;
    },
    { interval: 20, timeout: 30_000 },
  );
  const depth = ({ parentId, shared }: StoredSpan): number => {
    const above = spans.find(({ id }) => id === parentId);
    return (above === undefined ? 0 : 2 + depth({ ...above, shared: false })) + (shared ? 1 : 0);
  };
  return spans.toSorted((one, other) => depth(one) - depth(other));
}
