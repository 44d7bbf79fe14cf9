import { info, type Logger } from "@kit/log";
import type { EndpointsOf } from "@kit/service";
import type { Cargos } from "../cargo/cargo.ts";
import { type HandlingEvents, handlingTypes } from "../cargo/handling-event.ts";
import type { InspectCargo } from "../inspection.ts";
import { requireLocation } from "../locations.ts";
import { invalidArgument } from "../refusals.ts";
import { requireVoyage } from "../voyages.ts";
import type { Handling } from "./contract.ts";

export type HandlingService = EndpointsOf<typeof Handling>;

/** @param inspect - called after each event. */
export function handlingService(cargos: Cargos, events: HandlingEvents, inspect: InspectCargo): HandlingService {
  return {
    async registerIncident({ completion_time: completedAt, tracking_id: trackingId, voyage, location, event_type }) {
      const type = handlingTypes.find((known) => known === event_type);
      if (completedAt === undefined || trackingId === "" || location === "" || type === undefined) {
        throw invalidArgument();
      }
      await cargos.find(trackingId);
      if (voyage !== "") requireVoyage(voyage);
      requireLocation(location);
      await events.append({ trackingId, type, location, voyage: voyage === "" ? undefined : voyage, completedAt });
      await inspect(trackingId);
      return {};
    },
  };
}

/** Logs what happened, in the words of the business. */
export function withLogging(service: HandlingService, logger: Logger): HandlingService {
  const log = info(logger);
  return {
    async registerIncident(request, ctx) {
      const response = await service.registerIncident(request, ctx);
      log.log({ msg: "handled", ...request }, ctx);
      return response;
    },
  };
}
