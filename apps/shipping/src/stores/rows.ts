import type { Cargo } from "../cargo/cargo.ts";
import type { HandlingEvent, HandlingHistory } from "../cargo/handling-event.ts";
import type { Leg } from "../cargo/itinerary.ts";

/** A cargo as it lies in a table. */
export interface CargoRow {
  readonly tracking_id: string;
  readonly origin: string;
  readonly destination: string;
  readonly arrival_deadline: string | Date;
  /** The itinerary as JSON. */
  readonly legs: string;
}

/** An event as it lies in a table. */
export interface EventRow {
  readonly tracking_id: string;
  readonly type: HandlingEvent["type"];
  readonly location: string;
  readonly voyage: string | null;
  readonly completed_at: string | Date;
}

/** The values of a row, in the order of its columns. */
export function cargoValues({ trackingId, routeSpecification, itinerary }: Cargo): string[] {
  const { origin, destination, arrivalDeadline } = routeSpecification;
  return [trackingId, origin, destination, arrivalDeadline.toISOString(), JSON.stringify(itinerary)];
}

export function cargoOf(row: CargoRow): Cargo {
  const legs = JSON.parse(row.legs) as (Omit<Leg, "loadTime" | "unloadTime"> &
    Record<"loadTime" | "unloadTime", string>)[];
  return {
    trackingId: row.tracking_id,
    routeSpecification: {
      origin: row.origin,
      destination: row.destination,
      arrivalDeadline: new Date(row.arrival_deadline),
    },
    itinerary: legs.map((leg) => ({
      ...leg,
      loadTime: new Date(leg.loadTime),
      unloadTime: new Date(leg.unloadTime),
    })),
  };
}

export function eventValues({ trackingId, type, location, voyage, completedAt }: HandlingEvent): (string | null)[] {
  return [trackingId, type, location, voyage ?? null, completedAt.toISOString()];
}

export function historyOf(rows: readonly EventRow[]): HandlingHistory {
  return rows.map(({ tracking_id: trackingId, type, location, voyage, completed_at }) => ({
    trackingId,
    type,
    location,
    voyage: voyage ?? undefined,
    completedAt: new Date(completed_at),
  }));
}
