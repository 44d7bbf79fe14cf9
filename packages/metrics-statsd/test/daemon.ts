import type { Server } from "@kit/servers";
import { vi } from "vitest";

/** What the daemon has made of all that it was sent. */
export interface Seen {
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
  readonly timers: Readonly<Record<string, readonly number[]>>;
  /** How many values the daemon believes a timer to have had. */
  readonly counts: Readonly<Record<string, number>>;
}

async function seenBy({ place }: Server): Promise<Seen> {
  const response = await fetch(`http://127.0.0.1:${place.ports[2]}`, { headers: { connection: "close" } });
  return (await response.json()) as Seen;
}

/** Asks until the daemon has it, for its own flushes come when they come. */
export async function seenWith(server: Server, isThere: (seen: Seen) => boolean): Promise<Seen> {
  return vi.waitUntil(
    async () => {
      const seen = await seenBy(server);
      return isThere(seen) && seen;
    },
    { timeout: 30_000, interval: 20 },
  );
}
