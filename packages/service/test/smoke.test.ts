import { background, KitError } from "@kit/endpoint";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { type ClientOf, connectLocal, declaredError, defineService, type EndpointsOf, implement } from "../src/index.ts";

const Profiles = defineService("profiles", {
  get: {
    request: z.object({ id: z.string() }),
    response: z.object({ name: z.string(), born: z.coerce.date() }),
    errors: { not_found: z.object({ id: z.string() }), permission_denied: z.object({ why: z.string() }) },
    http: "GET /profiles/{id}",
  },
  ping: { request: z.void(), response: z.void() },
});

test("a declared error reaches the caller typed", async () => {
  type E = EndpointsOf<typeof Profiles>;
  expectTypeOf<Parameters<E["get"]>[0]>().toEqualTypeOf<{ id: string }>();
  expectTypeOf<Awaited<ReturnType<ClientOf<typeof Profiles>["get"]>>>().toEqualTypeOf<{ name: string; born: Date }>();
  const endpoints = implement(Profiles, {
    async get({ id }) {
      if (id === "x") throw new KitError("not_found", "no such profile", { details: { id } });
      return { name: id, born: new Date(0) };
    },
    async ping() {},
  });
  const client = connectLocal(Profiles, endpoints);
  expect(await client.get({ id: "a" }, background)).toEqual({ name: "a", born: new Date(0) });
  await client.ping(undefined, background);
  const failure = declaredError(Profiles.methods.get, await client.get({ id: "x" }, background).catch((e) => e));
  expect(failure?.code).toBe("not_found");
  if (failure?.code === "not_found") {
    expectTypeOf(failure.details).toEqualTypeOf<{ id: string }>();
    expect(failure.details).toEqual({ id: "x" });
  }
  expect(Object.keys(client)).toEqual(["get", "ping"]);
});
