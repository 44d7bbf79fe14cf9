import type { HandlingEvent } from "./handling-event.ts";

/** The transportation between two locations on one voyage. */
export interface Leg {
  readonly voyage: string;
  readonly from: string;
  readonly to: string;
  readonly loadTime: Date;
  readonly unloadTime: Date;
}

/** The steps that take a cargo from its origin to its destination; without any, it is not routed yet. */
export type Itinerary = readonly Leg[];

/** Whether the plan has this event. Without a plan, anything may happen. */
export function isExpected(itinerary: Itinerary, { type, location, voyage }: HandlingEvent): boolean {
  if (itinerary.length === 0) return true;
  switch (type) {
    case "Receive":
      return itinerary[0]!.from === location;
    case "Load":
      return itinerary.some((leg) => leg.from === location && leg.voyage === voyage);
    case "Unload":
      return itinerary.some((leg) => leg.to === location && leg.voyage === voyage);
    case "Claim":
      return itinerary.at(-1)!.to === location;
    case "Customs":
      return true;
    default:
      return type satisfies never;
  }
}
