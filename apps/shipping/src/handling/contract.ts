import { defineService } from "@kit/service";
import { z } from "zod";
import { wireTime } from "../wire-time.ts";

const text = z.string().default("");

/** For the people who handle the cargos along their routes. */
export const Handling = defineService("handling", {
  registerIncident: {
    request: z.object({
      completion_time: wireTime,
      tracking_id: text,
      /** Of what is loaded or unloaded. */
      voyage: text,
      location: text,
      /** Receive, Load, Unload, Customs or Claim. */
      event_type: text,
    }),
    response: z.object({}),
    http: "POST /handling/v1/incidents",
  },
});
