import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { defineService } from "../src/index.ts";

// One contract in the words of three validators. What crosses differs from what the receiver sees: a default and dates.

const zodDate = z.iso.datetime().transform((text) => new Date(text));

export const zodProfiles = defineService("profiles", {
  get: {
    request: z.object({
      id: z.string().min(1),
      since: zodDate,
      page: z.number().default(1),
      tags: z.array(z.string()).default([]),
    }),
    response: z.object({ name: z.string(), born: zodDate }),
    errors: {
      not_found: z.object({ id: z.string(), gone: zodDate }),
      resource_exhausted: z.object({ limit: z.number() }),
    },
    http: "GET /profiles/{id}",
    idempotent: true,
    timeoutMs: 5000,
  },
  ping: { request: z.undefined(), response: z.undefined() },
});

const valibotDate = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.transform((text) => new Date(text)),
);

export const valibotProfiles = defineService("profiles", {
  get: {
    request: v.object({
      id: v.pipe(v.string(), v.minLength(1)),
      since: valibotDate,
      page: v.optional(v.number(), 1),
      tags: v.optional(v.array(v.string()), []),
    }),
    response: v.object({ name: v.string(), born: valibotDate }),
    errors: {
      not_found: v.object({ id: v.string(), gone: valibotDate }),
      resource_exhausted: v.object({ limit: v.number() }),
    },
    http: "GET /profiles/{id}",
    idempotent: true,
    timeoutMs: 5000,
  },
  ping: { request: v.undefined(), response: v.undefined() },
});

export const arktypeProfiles = defineService("profiles", {
  get: {
    request: type({
      id: "string >= 1",
      since: "string.date.iso.parse",
      page: "number = 1",
      tags: type("string[]").default(() => []),
    }),
    response: type({ name: "string", born: "string.date.iso.parse" }),
    errors: {
      not_found: type({ id: "string", gone: "string.date.iso.parse" }),
      resource_exhausted: type({ limit: "number" }),
    },
    http: "GET /profiles/{id}",
    idempotent: true,
    timeoutMs: 5000,
  },
  ping: { request: type("undefined"), response: type("undefined") },
});
