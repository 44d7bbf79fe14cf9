import { voyages } from "../voyages.ts";

/** A way on one voyage. */
export interface Edge {
  readonly origin: string;
  readonly destination: string;
  readonly voyage: string;
  readonly departure: Date;
  readonly arrival: Date;
}

const dayMs = 86_400_000;
const mostVoyages = 3;
const mostPaths = 3;

/** Finds ways from here to there on up to three voyages, from tomorrow on; those that arrive first, first. */
export function findPaths(from: string, to: string, now: number): readonly (readonly Edge[])[] {
  const found: Edge[][] = [];
  const explore = (path: readonly Edge[], at: string, time: number): void => {
    for (const edge of edgesFrom(at, time)) {
      const seen = edge.destination === from || path.some(({ destination }) => destination === edge.destination);
      if (seen || edge.voyage === path.at(-1)?.voyage) continue;
      const longer = [...path, edge];
      if (edge.destination === to) found.push(longer);
      else if (longer.length < mostVoyages) explore(longer, edge.destination, edge.arrival.getTime());
    }
  };
  explore([], from, now + dayMs);
  return found.toSorted((a, b) => a.at(-1)!.arrival.getTime() - b.at(-1)!.arrival.getTime()).slice(0, mostPaths);
}

/** Every way on one voyage that begins here, with the first sailing after `time`. Ships sail round and round, as they have since 1970. */
function* edgesFrom(at: string, time: number): Generator<Edge> {
  for (const [voyage, calls] of voyages) {
    const start = calls.findIndex(({ location }) => location === at);
    if (start === -1) continue;
    const roundMs = calls.reduce((sum, { days }) => sum + days, 0) * dayMs;
    const phaseMs = calls.slice(1, start + 1).reduce((sum, { days }) => sum + days, 0) * dayMs;
    const departure = Math.ceil((time - phaseMs) / roundMs) * roundMs + phaseMs;
    let arrival = departure;
    for (let i = 1; i < calls.length; i += 1) {
      const call = calls[(start + i) % calls.length]!;
      arrival += call.days * dayMs;
      yield {
        origin: at,
        destination: call.location,
        voyage,
        departure: new Date(departure),
        arrival: new Date(arrival),
      };
    }
  }
}
