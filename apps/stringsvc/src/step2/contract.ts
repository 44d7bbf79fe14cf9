import { defineService, type EndpointsOf } from "@kit/service";
import { z } from "zod";

/** The service as both sides know it. A path without a verb answers every verb, as in go-kit's stringsvc. */
export const Strings = defineService("stringsvc", {
  uppercase: {
    request: z.object({ s: z.string() }),
    response: z.object({ v: z.string(), err: z.string().optional() }),
    http: "/uppercase",
    idempotent: true,
  },
  count: {
    request: z.object({ s: z.string() }),
    response: z.object({ v: z.int() }),
    http: "/count",
    idempotent: true,
  },
});

/** What does the work, whoever that is: the business, a middleware around it, another process. */
export type StringService = EndpointsOf<typeof Strings>;
