import { defineService } from "@kit/service";
import { z } from "zod";

/** The routing service is another context, with words of its own: paths and edges where ours are routes and legs. */
export const Routing = defineService("routing", {
  paths: {
    request: z.object({ from: z.string(), to: z.string() }),
    response: z.object({
      paths: z.array(
        z.object({
          edges: z.array(
            z.object({
              origin: z.string(),
              destination: z.string(),
              voyage: z.string(),
              departure: z.coerce.date(),
              arrival: z.coerce.date(),
            }),
          ),
        }),
      ),
    }),
    http: "GET /paths",
    idempotent: true,
  },
});
