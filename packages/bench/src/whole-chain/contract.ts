import { defineService } from "@kit/service";
import { z } from "zod";
import { path } from "../http/sum.ts";

export const Sum = defineService("sum", {
  sum: {
    request: z.object({ a: z.int(), b: z.int() }),
    response: z.object({ v: z.int() }),
    http: `POST ${path}`,
    idempotent: true,
  },
});
