import { randomUUID } from "node:crypto";
import { loggerFunc } from "@kit/log";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../src/database.ts";
import { profilesHandler } from "../src/handler.ts";
import { profileService } from "../src/service.ts";
import { openTestDatabase } from "./database.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

/** Calls the service as curl would. */
async function ask(verb: string, path: string, body?: unknown): Promise<[status: number, reply: unknown]> {
  const handler = profilesHandler(
    profileService(database),
    loggerFunc(() => {}),
  );
  const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  const reply = await handler.fetch(new Request(`http://test${path}`, { method: verb, ...(text && { body: text }) }));
  expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8");
  return [reply.status, await reply.json()];
}

const done = [200, {}];
const failure = (status: number, code: string, message: string): unknown => [status, { error: message, code, message }];
const notFound = failure(404, "not_found", "not found");
const alreadyExists = failure(400, "already_exists", "already exists");
const inconsistentIDs = failure(400, "invalid_argument", "inconsistent IDs");

describe("a profile", () => {
  test("is made and got, as in go-kit's README", async () => {
    const id = randomUUID();
    expect(await ask("POST", "/profiles/", { id, Name: "Go Kit" })).toEqual(done);
    expect(await ask("GET", `/profiles/${id}`)).toEqual([200, { profile: { id, name: "Go Kit" } }]);
  });

  test("keeps any text, and the order of its addresses", async () => {
    const id = `${randomUUID()} /?%ü"';--`;
    const addresses = [{ id: "z", location: "Köln 🏛" }, { id: "a" }, { id: "m", location: "'); drop table profiles" }];
    expect(await ask("POST", "/profiles/", { id, name: "Zoë\n", addresses })).toEqual(done);
    expect(await ask("GET", `/profiles/${encodeURIComponent(id)}`)).toEqual([
      200,
      { profile: { id, name: "Zoë\n", addresses } },
    ]);
  });

  test("is not made twice", async () => {
    const id = randomUUID();
    expect(await ask("POST", "/profiles/", { id, name: "first" })).toEqual(done);
    expect(await ask("POST", "/profiles/", { id, name: "second", addresses: [{ id: "a" }] })).toEqual(alreadyExists);
    expect(await ask("GET", `/profiles/${id}`)).toEqual([200, { profile: { id, name: "first" } }]);
  });

  test("is made or replaced by PUT", async () => {
    const id = randomUUID();
    const one = { id, name: "one", addresses: [{ id: "a" }, { id: "b" }] };
    expect(await ask("PUT", `/profiles/${id}`, one)).toEqual(done);
    expect(await ask("GET", `/profiles/${id}`)).toEqual([200, { profile: one }]);
    expect(await ask("PUT", `/profiles/${id}`, { id, addresses: [{ id: "b" }] })).toEqual(done);
    expect(await ask("GET", `/profiles/${id}`)).toEqual([200, { profile: { id, addresses: [{ id: "b" }] } }]);
  });

  test("is not replaced by one of another id, or of none", async () => {
    const id = randomUUID();
    expect(await ask("PUT", `/profiles/${id}`, { id: "other" })).toEqual(inconsistentIDs);
    expect(await ask("PUT", `/profiles/${id}`, { name: "x" })).toEqual(inconsistentIDs);
    expect(await ask("PUT", `/profiles/${id}`, { id: "other", profileID: "other" })).toEqual(inconsistentIDs);
    expect(await ask("GET", `/profiles/${id}`)).toEqual(notFound);
  });

  test("is changed by PATCH where something is given, and never made", async () => {
    const id = randomUUID();
    expect(await ask("PATCH", `/profiles/${id}`, { name: "new" })).toEqual(notFound);
    await ask("POST", "/profiles/", { id, name: "old", addresses: [{ id: "a" }] });
    expect(await ask("PATCH", `/profiles/${id}`, { name: "new" })).toEqual(done);
    expect(await ask("PATCH", `/profiles/${id}`, { id, name: "", addresses: [{ id: "b" }, { id: "c" }] })).toEqual(
      done,
    );
    expect(await ask("PATCH", `/profiles/${id}`, {})).toEqual(done);
    expect(await ask("PATCH", `/profiles/${id}`, { id: "other" })).toEqual(inconsistentIDs);
    expect(await ask("GET", `/profiles/${id}`)).toEqual([
      200,
      { profile: { id, name: "new", addresses: [{ id: "b" }, { id: "c" }] } },
    ]);
  });

  test("goes with its addresses", async () => {
    const id = randomUUID();
    await ask("POST", "/profiles/", { id, addresses: [{ id: "a" }] });
    expect(await ask("DELETE", `/profiles/${id}`)).toEqual(done);
    expect(await ask("DELETE", `/profiles/${id}`)).toEqual(notFound);
    expect(await ask("GET", `/profiles/${id}/addresses/a`)).toEqual(notFound);
    await ask("POST", "/profiles/", { id });
    expect(await ask("GET", `/profiles/${id}`)).toEqual([200, { profile: { id } }]);
  });
});

describe("an address", () => {
  test("is added behind the others, got, and removed", async () => {
    const id = randomUUID();
    await ask("POST", "/profiles/", { id });
    const at = `/profiles/${id}/addresses/`;
    expect(await ask("GET", at)).toEqual([200, {}]);
    expect(await ask("POST", at, { id: "home", Location: "Berlin" })).toEqual(done);
    expect(await ask("POST", at, { id: "away" })).toEqual(done);
    expect(await ask("POST", at, { id: "home" })).toEqual(alreadyExists);
    expect(await ask("GET", at)).toEqual([200, { addresses: [{ id: "home", location: "Berlin" }, { id: "away" }] }]);
    expect(await ask("GET", `${at}home`)).toEqual([200, { address: { id: "home", location: "Berlin" } }]);
    expect(await ask("DELETE", `${at}home`)).toEqual(done);
    expect(await ask("DELETE", `${at}home`)).toEqual(notFound);
    expect(await ask("GET", `${at}home`)).toEqual(notFound);
    expect(await ask("GET", at)).toEqual([200, { addresses: [{ id: "away" }] }]);
  });

  test("needs a profile", async () => {
    const at = `/profiles/${randomUUID()}/addresses/`;
    expect(await ask("GET", at)).toEqual(notFound);
    expect(await ask("POST", at, { id: "home" })).toEqual(notFound);
    expect(await ask("GET", `${at}home`)).toEqual(notFound);
    expect(await ask("DELETE", `${at}home`)).toEqual(notFound);
  });
});

describe("at the same time", () => {
  const many = Array.from({ length: 20 }, (_, index) => index);

  test("one of many makes the profile", async () => {
    const id = randomUUID();
    const replies = await Promise.all(many.map((n) => ask("POST", "/profiles/", { id, name: `by ${n}` })));
    expect(replies.filter(([status]) => status === 200)).toHaveLength(1);
    expect(replies.filter(([status]) => status === 400)).toHaveLength(19);
  });

  test("no address is lost, and each has its place", async () => {
    const id = randomUUID();
    await ask("POST", "/profiles/", { id });
    await Promise.all(many.map((n) => ask("POST", `/profiles/${id}/addresses/`, { id: `a${n}` })));
    const [, reply] = await ask("GET", `/profiles/${id}/addresses/`);
    const found = (reply as { addresses: { id: string }[] }).addresses.map((one) => one.id);
    expect(new Set(found)).toEqual(new Set(many.map((n) => `a${n}`)));
    const places = await database.query("select distinct position from addresses where profile_id = $1", id);
    expect(places).toHaveLength(20);
  });

  test("a profile that is replaced is one or the other", async () => {
    const id = randomUUID();
    const version = (n: number): unknown => ({ id, name: `v${n}`, addresses: [{ id: `v${n}` }, { id: "both" }] });
    const versions = many.map((n) => ({ profile: version(n) }));
    await Promise.all(
      many.map(async (n) => {
        expect(await ask("PUT", `/profiles/${id}`, version(n))).toEqual(done);
        expect(versions).toContainEqual((await ask("GET", `/profiles/${id}`))[1]);
      }),
    );
  });
});

describe("what is no request", () => {
  const two = [{ id: "a" }, { id: "a" }];
  test.each([
    ["POST", "/profiles/", "nope", "body: not valid JSON"],
    ["POST", "/profiles/", [], "not a JSON object"],
    ["POST", "/profiles/", { name: "x" }, "id: "],
    ["POST", "/profiles/", { id: "" }, "id: "],
    ["POST", "/profiles/", { id: 1 }, "id: "],
    ["POST", "/profiles/", { id: "a\0b" }, "id: not a text that can be stored"],
    ["POST", "/profiles/", '{"id":"\\ud800"}', "id: not a text that can be stored"],
    ["POST", "/profiles/", { id: "a", addresses: two }, "addresses: two addresses have the same id"],
    ["PUT", "/profiles/a", { id: "a", name: null }, "name: "],
    ["POST", "/profiles/a/addresses/", { location: "x" }, "id: "],
  ])("is a 400 that says why: %s %s %j", async (verb, path, body, why) => {
    const [status, reply] = await ask(verb, path, body);
    expect(status).toBe(400);
    expect(reply).toMatchObject({
      code: "invalid_argument",
      error: expect.stringContaining(why === "not a JSON object" ? "" : why),
    });
  });

  test("is a 405 for a verb that a path does not take, and a 404 for another path", async () => {
    expect(await ask("POST", "/profiles/1234")).toMatchObject([405, { code: "unimplemented" }]);
    expect(await ask("GET", "/nope")).toMatchObject([404, { error: "no method at /nope" }]);
  });
});

test("what goes wrong in the database stays there", async () => {
  const broken: Database = { ...database, query: () => Promise.reject(new Error("secret at 10.0.0.1")) };
  const handler = profilesHandler(
    profileService(broken),
    loggerFunc(() => {}),
  );
  const reply = await handler.fetch(new Request("http://test/profiles/1"));
  expect(reply.status).toBe(500);
  expect(await reply.json()).toEqual({ error: "internal error", code: "unknown", message: "internal error" });
});
