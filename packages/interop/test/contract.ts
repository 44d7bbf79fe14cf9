import { defineService } from "@kit/service";
import { z } from "zod";

/** Its type is not that of `z.object({})`, which what an IDL makes of an empty message would not fit. */
const nothing = z.custom<object>((value) => typeof value === "object");

/** The operations that Go's programs know, see `go/operations.go`. */
export const Interop = defineService("interop", {
  /** Two zeroes are a business error, which travels in the response. */
  sum: {
    request: z.object({ a: z.int(), b: z.int() }),
    response: z.object({ v: z.int(), err: z.string() }),
  },
  echo: { request: z.object({ text: z.string() }), response: z.object({ text: z.string() }) },
  /** Fails as errors usually do, or with one that says what it is on the wires that can tell. */
  fail: { request: z.object({ coded: z.boolean() }), response: nothing },
  /** Waits until the time or its context is over. */
  wait: { request: z.object({ id: z.string(), ms: z.int() }), response: nothing },
  /** When that wait is over, why its context ended; empty if it did not. */
  waited: { request: z.object({ id: z.string() }), response: z.object({ ended: z.string() }) },
  /** What the token and the B3 headers of the request say. */
  whoami: {
    request: nothing,
    response: z.object({
      user: z.string(),
      trace: z.string(),
      span: z.string(),
      parent: z.string(),
      sampled: z.string(),
    }),
  },
});
