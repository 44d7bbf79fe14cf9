import { randomUUID } from "node:crypto";
import type { Itinerary } from "./itinerary.ts";

/** What the customer wants. */
export interface RouteSpecification {
  readonly origin: string;
  readonly destination: string;
  readonly arrivalDeadline: Date;
}

/** The heart of the model: what was asked for, and the plan. How it goes follows from these and from the history, see `deliveryOf`. */
export interface Cargo {
  readonly trackingId: string;
  readonly routeSpecification: RouteSpecification;
  readonly itinerary: Itinerary;
}

/** A cargo that is not routed yet. */
export function newCargo(trackingId: string, routeSpecification: RouteSpecification): Cargo {
  return { trackingId, routeSpecification, itinerary: [] };
}

export function assignToRoute(cargo: Cargo, itinerary: Itinerary): Cargo {
  return { ...cargo, itinerary };
}

/** Its itinerary stays, which may no longer lead where it should: then the cargo is misrouted. */
export function changeDestination(cargo: Cargo, destination: string): Cargo {
  return { ...cargo, routeSpecification: { ...cargo.routeSpecification, destination } };
}

/** Eight digits and letters, as on a form. */
export function nextTrackingId(): string {
  return randomUUID().slice(0, 8).toUpperCase();
}

/** Where cargos may be kept. */
export interface Cargos {
  /** @returns whether there was none of this id. */
  add(cargo: Cargo): Promise<boolean>;
  /** @throws {KitError} `not_found`, {@link unknownCargo}. */
  find(trackingId: string): Promise<Cargo>;
  /** In the order of their ids. */
  findAll(): Promise<readonly Cargo[]>;
  /** Finds, changes and keeps, and nobody else comes between. @throws {KitError} `not_found`, {@link unknownCargo}. */
  change(trackingId: string, change: (cargo: Cargo) => Cargo): Promise<void>;
}
