import { defineService } from "@kit/service";
import { z } from "zod";
import { wireTime } from "../wire-time.ts";

const time = z.iso.datetime({ offset: true });
const text = z.string().default("");

const leg = z.object({
  voyage_number: z.string(),
  from: z.string(),
  to: z.string(),
  load_time: time,
  unload_time: time,
});

/** What the booking context shows of a cargo. */
const cargo = z.object({
  arrival_deadline: time,
  destination: z.string(),
  legs: z.array(leg).optional(),
  misrouted: z.boolean(),
  origin: z.string(),
  routed: z.boolean(),
  tracking_id: z.string(),
});

/** For the shipping company, which books cargos and routes them. */
export const Booking = defineService("booking", {
  book: {
    request: z.object({ origin: text, destination: text, arrival_deadline: wireTime }),
    response: z.object({ tracking_id: z.string() }),
    http: "POST /booking/v1/cargos",
  },
  list: {
    request: z.unknown(),
    response: z.object({ cargos: z.array(cargo).default([]) }),
    http: "GET /booking/v1/cargos",
    idempotent: true,
  },
  load: {
    request: z.object({ id: z.string() }),
    response: z.object({ cargo }),
    http: "GET /booking/v1/cargos/{id}",
    idempotent: true,
  },
  requestRoutes: {
    request: z.object({ id: z.string() }),
    response: z.object({ routes: z.array(z.object({ legs: z.array(leg) })).default([]) }),
    http: "GET /booking/v1/cargos/{id}/request_routes",
    idempotent: true,
  },
  assignToRoute: {
    request: z.object({
      id: z.string(),
      legs: z
        .array(
          leg.extend({
            load_time: time.transform((at) => new Date(at)),
            unload_time: time.transform((at) => new Date(at)),
          }),
        )
        .default([]),
    }),
    response: z.object({}),
    http: "POST /booking/v1/cargos/{id}/assign_to_route",
    idempotent: true,
  },
  changeDestination: {
    request: z.object({ id: z.string(), destination: text }),
    response: z.object({}),
    http: "POST /booking/v1/cargos/{id}/change_destination",
    idempotent: true,
  },
  locations: {
    request: z.unknown(),
    response: z.object({ locations: z.array(z.object({ locode: z.string(), name: z.string() })) }),
    http: "GET /booking/v1/locations",
    idempotent: true,
  },
});
