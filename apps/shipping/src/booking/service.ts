import { info, type Logger } from "@kit/log";
import type { EndpointsOf } from "@kit/service";
import { assignToRoute, type Cargo, type Cargos, changeDestination, newCargo, nextTrackingId } from "../cargo/cargo.ts";
import { deliveryOf } from "../cargo/delivery.ts";
import type { Itinerary, Leg } from "../cargo/itinerary.ts";
import { locations, requireLocation } from "../locations.ts";
import { invalidArgument } from "../refusals.ts";
import type { Routes } from "../routing/routes.ts";
import { formatTime } from "../wire-time.ts";
import type { Booking } from "./contract.ts";

export type BookingService = EndpointsOf<typeof Booking>;

export function bookingService(cargos: Cargos, routes: Routes): BookingService {
  return {
    async book({ origin, destination, arrival_deadline: arrivalDeadline }) {
      if (origin === "" || destination === "" || arrivalDeadline === undefined) throw invalidArgument();
      for (;;) {
        const cargo = newCargo(nextTrackingId(), { origin, destination, arrivalDeadline });
        if (await cargos.add(cargo)) return { tracking_id: cargo.trackingId };
      }
    },
    async list() {
      const all = await cargos.findAll();
      return { cargos: all.length === 0 ? undefined : all.map(shown) };
    },
    async load({ id }) {
      return { cargo: shown(await cargos.find(id)) };
    },
    async requestRoutes({ id }, ctx) {
      const { routeSpecification } = await cargos.find(id);
      const found = await routes.fetch(routeSpecification, ctx);
      return { routes: found.length === 0 ? undefined : found.map((itinerary) => ({ legs: itinerary.map(shownLeg) })) };
    },
    async assignToRoute({ id, legs }) {
      if (legs.length === 0) throw invalidArgument();
      const itinerary: Itinerary = legs.map((leg) => ({
        voyage: leg.voyage_number,
        from: leg.from,
        to: leg.to,
        loadTime: leg.load_time,
        unloadTime: leg.unload_time,
      }));
      await cargos.change(id, (cargo) => assignToRoute(cargo, itinerary));
      return {};
    },
    async changeDestination({ id, destination }) {
      if (destination === "") throw invalidArgument();
      requireLocation(destination);
      await cargos.change(id, (cargo) => changeDestination(cargo, destination));
      return {};
    },
    async locations() {
      return { locations: [...locations].map(([locode, name]) => ({ locode, name })) };
    },
  };
}

type Shown = Awaited<ReturnType<BookingService["load"]>>["cargo"];
type ShownLeg = NonNullable<Shown["legs"]>[number];

function shown(cargo: Cargo): Shown {
  const { trackingId, routeSpecification, itinerary } = cargo;
  return {
    arrival_deadline: formatTime(routeSpecification.arrivalDeadline),
    destination: routeSpecification.destination,
    legs: itinerary.length === 0 ? undefined : itinerary.map(shownLeg),
    misrouted: deliveryOf(cargo, []).routingStatus === "misrouted",
    origin: routeSpecification.origin,
    routed: itinerary.length > 0,
    tracking_id: trackingId,
  };
}

function shownLeg({ voyage, from, to, loadTime, unloadTime }: Leg): ShownLeg {
  return { voyage_number: voyage, from, to, load_time: formatTime(loadTime), unload_time: formatTime(unloadTime) };
}

/** Logs what was decided, in the words of the business. */
export function withLogging(service: BookingService, logger: Logger): BookingService {
  const log = info(logger);
  return {
    ...service,
    async book(request, ctx) {
      const response = await service.book(request, ctx);
      log.log({ msg: "booked", ...response, ...request }, ctx);
      return response;
    },
    async assignToRoute(request, ctx) {
      const response = await service.assignToRoute(request, ctx);
      const voyages = request.legs.map((leg) => leg.voyage_number);
      log.log({ msg: "assigned to a route", tracking_id: request.id, voyages }, ctx);
      return response;
    },
    async changeDestination(request, ctx) {
      const response = await service.changeDestination(request, ctx);
      log.log({ msg: "has a new destination", tracking_id: request.id, destination: request.destination }, ctx);
      return response;
    },
  };
}
