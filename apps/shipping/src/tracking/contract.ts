import { defineService } from "@kit/service";
import { z } from "zod";

const time = z.iso.datetime({ offset: true });

/** For the customer, who wants to know where a cargo is. */
export const Tracking = defineService("tracking", {
  track: {
    request: z.object({ id: z.string() }),
    response: z.object({
      cargo: z.object({
        tracking_id: z.string(),
        status_text: z.string(),
        origin: z.string(),
        destination: z.string(),
        /** Go's zero time, while nobody knows. */
        eta: time,
        next_expected_activity: z.string(),
        arrival_deadline: time,
        events: z.array(z.object({ description: z.string(), expected: z.boolean() })),
      }),
    }),
    http: "GET /tracking/v1/cargos/{id}",
    idempotent: true,
  },
});
