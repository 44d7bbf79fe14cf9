import { background, type Endpoint, KitError } from "@kit/endpoint";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { z } from "zod";
import { connectedMethod, declaredError, type DeclaredError, defineService } from "../src/index.ts";

const { get, ping, pause } = defineService("profiles", {
  get: {
    request: z.string(),
    response: z.string(),
    errors: {
      not_found: z.object({ id: z.string(), gone: z.coerce.date<string>() }),
      resource_exhausted: z.object({ limit: z.number() }),
      aborted: z.undefined(),
      already_exists: z.string().refine(async (name) => name !== "free"),
      failed_precondition: z.string().refine(() => {
        throw new Error("the schema's own fault");
      }),
    },
  },
  ping: { request: z.undefined(), response: z.undefined(), errors: { internal: z.unknown() } },
  pause: { request: z.undefined(), response: z.undefined() },
}).methods;

/** What a caller gets whose call fails so. */
async function caught(thrown: unknown): Promise<unknown> {
  const send: Endpoint = () => Promise.reject(thrown);
  const call = connectedMethod(get, send)("ada", background);
  return call.catch((cause: unknown) => cause);
}

const details = { id: "ada", gone: "2020-02-29T00:00:00.000Z" };

describe("declaredError", () => {
  it("is the error that the call failed with, its details decoded", async () => {
    const error = await caught(new KitError("not_found", "no such profile", { details }));
    const failure = declaredError(get, error);
    expect(failure).toBe(error);
    expect(failure).toMatchObject({ code: "not_found", message: "no such profile" });
    expect(failure?.details).toEqual({ id: "ada", gone: new Date("2020-02-29") });
  });

  it("is told apart by its code, which narrows its details", async () => {
    const failure = declaredError(get, await caught(new KitError("not_found", "", { details })));
    const gone = failure?.code === "not_found" ? failure.details.gone : undefined;
    expectTypeOf(gone).toEqualTypeOf<Date | undefined>();
    expect(gone?.getUTCFullYear()).toBe(2020);
  });

  it("keeps the hint and the cause", async () => {
    const cause = new Error("socket closed");
    const error = await caught(new KitError("not_found", "", { details, retryAfterMs: 250, cause }));
    expect(declaredError(get, error)).toMatchObject({ retryAfterMs: 250, cause });
  });

  it("is still an error", async () => {
    const failure = declaredError(get, await caught(new KitError("not_found", "no such profile", { details })));
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).toBe("KitError: no such profile");
    expect(Object.keys(failure!)).toEqual(["code", "details"]);
  });

  it("needs no details where none are declared", async () => {
    expect(declaredError(get, await caught(new KitError("aborted", "again")))).toMatchObject({ code: "aborted" });
    expect(declaredError(get, await caught(new KitError("aborted", "again", { details: 1 })))).toBeUndefined();
  });

  it("waits for an asynchronous schema", async () => {
    const taken = await caught(new KitError("already_exists", "", { details: "taken" }));
    const free = await caught(new KitError("already_exists", "", { details: "free" }));
    expect(declaredError(get, taken)).toBe(taken);
    expect(declaredError(get, free)).toBeUndefined();
  });

  it.each([
    ["whose details do not fit", new KitError("not_found", "", { details: { id: 1 } })],
    ["without its details", new KitError("not_found", "")],
    ["whose details belong to another code", new KitError("resource_exhausted", "", { details })],
    ["whose schema throws", new KitError("failed_precondition", "", { details: "a" })],
    ["whose code is not declared", new KitError("unavailable", "", { details })],
    ["that is no KitError", new Error("not_found")],
    ["that only looks like one", { code: "not_found", details }],
    ["that is no error", "not_found"],
    ["that is nothing", undefined],
  ])("is not one %s, which reaches the caller as it was", async (_, error) => {
    expect(await caught(error)).toBe(error);
    expect(declaredError(get, error)).toBeUndefined();
  });

  it("is none of a method that does not declare its code", async () => {
    const error = await caught(new KitError("not_found", "", { details }));
    expect(declaredError(get, error)).toBe(error);
    expect(declaredError(ping, error)).toBeUndefined();
  });

  it("is none that the client itself makes of a response that does not fit", async () => {
    const error = await connectedMethod(ping, async () => "pong")(undefined, background).catch(
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({ code: "internal", message: expect.stringContaining("invalid response") });
    expect(declaredError(ping, error)).toBeUndefined();
  });

  it("is none that was made on this side, for nobody has decoded it", () => {
    expect(declaredError(get, new KitError("not_found", "", { details }))).toBeUndefined();
  });

  it("is recognised by another copy of the package", async () => {
    const error = await caught(new KitError("not_found", "", { details }));
    vi.resetModules();
    const copy = await import("../src/index.ts");
    expect(copy.declaredError).not.toBe(declaredError);
    expect(copy.declaredError(get, error)).toBe(error);
  });

  it("has a type for each declared failure, and no other", () => {
    type Failure = DeclaredError<typeof get>;
    expectTypeOf<Failure["code"]>().toEqualTypeOf<
      "not_found" | "resource_exhausted" | "aborted" | "already_exists" | "failed_precondition"
    >();
    expectTypeOf<Extract<Failure, { code: "resource_exhausted" }>["details"]>().toEqualTypeOf<{ limit: number }>();
    expectTypeOf<Extract<Failure, { code: "aborted" }>["details"]>().toEqualTypeOf<undefined>();
  });

  it("has no type where nothing is declared", () => {
    expectTypeOf<DeclaredError<typeof pause>>().toBeNever();
    expect(declaredError(pause, new KitError("not_found", ""))).toBeUndefined();
  });
});
