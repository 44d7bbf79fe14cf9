import { defineService } from "@kit/service";
import { z } from "zod";

/** The service as both sides know it. A path without a verb answers every verb, as go-kit's addsvc does. */
export const Add = defineService("addsvc", {
  sum: {
    request: z.object({ a: z.int(), b: z.int() }),
    response: z.object({ v: z.int() }),
    http: "/sum",
    idempotent: true,
  },
  concat: {
    request: z.object({ a: z.string(), b: z.string() }),
    response: z.object({ v: z.string() }),
    http: "/concat",
    idempotent: true,
  },
});
