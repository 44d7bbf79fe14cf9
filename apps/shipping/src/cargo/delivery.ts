import type { Cargo, RouteSpecification } from "./cargo.ts";
import type { HandlingActivity, HandlingEvent, HandlingHistory } from "./handling-event.ts";
import { isExpected, type Itinerary } from "./itinerary.ts";

/** The actual transportation of a cargo, as opposed to what was asked for and what was planned. */
export interface Delivery {
  readonly routingStatus: "not routed" | "misrouted" | "routed";
  readonly transportStatus: "not received" | "in port" | "onboard carrier" | "claimed";
  readonly lastKnownLocation: string | undefined;
  readonly currentVoyage: string | undefined;
  readonly isMisdirected: boolean;
  readonly isUnloadedAtDestination: boolean;
  /** Nothing is expected of a cargo that is off its track, or at the end of it. */
  readonly nextExpectedActivity: HandlingActivity | undefined;
  /** The estimated time of arrival of a cargo that is on its track. */
  readonly eta: Date | undefined;
}

/** It is derived when somebody asks, and kept nowhere: so it cannot be out of date. */
export function deliveryOf({ routeSpecification, itinerary }: Cargo, history: HandlingHistory): Delivery {
  const last = history.at(-1);
  const transportStatus = last === undefined ? "not received" : statusAfter[last.type];
  const routingStatus = routingStatusOf(routeSpecification, itinerary);
  const isMisdirected = last !== undefined && !isExpected(itinerary, last);
  const isOnTrack = routingStatus === "routed" && !isMisdirected;
  return {
    routingStatus,
    transportStatus,
    lastKnownLocation: last?.location,
    currentVoyage: transportStatus === "onboard carrier" ? last?.voyage : undefined,
    isMisdirected,
    isUnloadedAtDestination: last?.type === "Unload" && last.location === routeSpecification.destination,
    nextExpectedActivity: isOnTrack ? nextActivity(routeSpecification, itinerary, last) : undefined,
    eta: isOnTrack ? itinerary.at(-1)!.unloadTime : undefined,
  };
}

function routingStatusOf({ origin, destination }: RouteSpecification, itinerary: Itinerary): Delivery["routingStatus"] {
  if (itinerary.length === 0) return "not routed";
  return itinerary[0]!.from === origin && itinerary.at(-1)!.to === destination ? "routed" : "misrouted";
}

const statusAfter = {
  Receive: "in port",
  Load: "onboard carrier",
  Unload: "in port",
  Customs: "in port",
  Claim: "claimed",
} as const;

function nextActivity(
  { origin }: RouteSpecification,
  itinerary: Itinerary,
  last: HandlingEvent | undefined,
): HandlingActivity | undefined {
  const load = (leg = itinerary[0]!): HandlingActivity => ({ type: "Load", location: leg.from, voyage: leg.voyage });
  if (last === undefined) return { type: "Receive", location: origin, voyage: undefined };
  switch (last.type) {
    case "Receive":
      return load();
    case "Load": {
      const leg = itinerary.find(({ from, voyage }) => from === last.location && voyage === last.voyage)!;
      return { type: "Unload", location: leg.to, voyage: leg.voyage };
    }
    case "Unload": {
      const done = itinerary.findIndex(({ to, voyage }) => to === last.location && voyage === last.voyage);
      const next = itinerary[done + 1];
      return next === undefined ? { type: "Claim", location: last.location, voyage: undefined } : load(next);
    }
    case "Customs":
    case "Claim":
      return undefined;
    default:
      return last.type satisfies never;
  }
}
