import { background, KitError } from "@kit/endpoint";
import { describe, expect, it, vi } from "vitest";
import { connectLocal, declaredError, type DecodeIssue, implement } from "../src/index.ts";
import { arktypeProfiles, valibotProfiles, zodProfiles } from "./profiles.ts";

const since = "2020-02-29T12:00:00.000Z";
const born = "1815-12-10T00:00:00.000Z";
const profile = { name: "Ada", born };

const validators = [
  { validator: "zod", Profiles: zodProfiles },
  { validator: "valibot", Profiles: valibotProfiles },
  { validator: "arktype", Profiles: arktypeProfiles },
];

type Get = (request: unknown) => Promise<unknown>;

describe.each(validators)("a contract made with $validator", ({ Profiles }) => {
  /** A client of a service whose `get` does as told, whatever its type says. */
  const connect = (get: Get) => {
    const handlers = { get: get as () => Promise<typeof profile>, ping: async () => undefined };
    return connectLocal(Profiles, implement(Profiles, handlers));
  };
  const refuse = (thrown: unknown): Promise<unknown> => {
    const client = connect(() => Promise.reject(thrown));
    return client.get({ id: "ada", since }, background).catch((cause: unknown) => cause);
  };

  it("gives the handler what the request's schema makes of it, and the caller what the response's does", async () => {
    const get = vi.fn<Get>(async () => profile);
    const answer = await connect(get).get({ id: "ada", since }, background);
    expect(get.mock.calls).toEqual([[{ id: "ada", since: new Date(since), page: 1, tags: [] }, expect.anything()]]);
    expect(answer).toEqual({ name: "Ada", born: new Date(born) });
  });

  it("takes nothing for a request and for a response", async () => {
    await expect(connect(async () => profile).ping(undefined, background)).resolves.toBeUndefined();
  });

  it("refuses a request that does not fit before the handler sees it, and says where", async () => {
    const get = vi.fn<Get>(async () => profile);
    const tags = ["a", 2] as string[];
    const error = await connect(get)
      .get({ id: "", since, tags }, background)
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: "invalid_argument",
      message: expect.stringMatching(/^profiles\.get: invalid request: (id|tags\.1): ./),
    });
    const { issues } = (error as KitError<"invalid_argument", { issues: DecodeIssue[] }>).details!;
    expect(issues.map(({ path }) => path).toSorted()).toEqual(["id", "tags.1"]);
    for (const issue of issues) expect(issue).toStrictEqual({ path: issue.path, message: expect.stringMatching(/./) });
    expect(get).not.toHaveBeenCalled();
  });

  it("names no more than 16 places of a value that fails in a thousand", async () => {
    const tags = Array.from({ length: 1000 }, (_, i) => i) as unknown as string[];
    const error = await connect(async () => profile)
      .get({ id: "ada", since, tags }, background)
      .catch((cause: unknown) => cause);
    const { issues } = (error as KitError<"invalid_argument", { issues: DecodeIssue[] }>).details!;
    expect(issues.map(({ path }) => path)).toEqual(Array.from({ length: 16 }, (_, i) => `tags.${i}`));
  });

  it.each([
    { value: undefined },
    { value: null },
    { value: 0 },
    { value: "" },
    { value: [] },
    { value: { id: "ada" } },
    { value: { id: ["ada"], since } },
    { value: { id: "ada", since: "yesterday" } },
    { value: { id: "ada", since: 0 } },
  ])("refuses a request that is $value", async ({ value }) => {
    const get = vi.fn<Get>(async () => profile);
    const call = connect(get).get(value as unknown as { id: string; since: string }, background);
    await expect(call).rejects.toMatchObject({ code: "invalid_argument" });
    expect(get).not.toHaveBeenCalled();
  });

  it("blames the server for a response that does not fit", async () => {
    const call = connect(async () => ({ name: "Ada", born: "long ago" })).get({ id: "ada", since }, background);
    await expect(call).rejects.toMatchObject({
      code: "internal",
      message: expect.stringMatching(/^profiles\.get: invalid response: born: ./),
      details: { issues: [{ path: "born", message: expect.anything() }] },
    });
  });

  it("decodes the details of a declared error", async () => {
    const error = await refuse(
      new KitError("not_found", "no such profile", { details: { id: "ada", gone: since }, retryAfterMs: 20 }),
    );
    expect(error).toMatchObject({ code: "not_found", message: "no such profile", retryAfterMs: 20 });
    expect(declaredError(Profiles.methods.get, error)).toBe(error);
    expect((error as KitError).details).toEqual({ id: "ada", gone: new Date(since) });
  });

  it.each([
    { details: undefined },
    { details: null },
    { details: "ada" },
    { details: [] },
    { details: { id: "ada", gone: "long ago" } },
  ])(
    "leaves an error whose details are $details as it came, and does not count it as declared",
    async ({ details }) => {
      const error = await refuse(new KitError("not_found", "no such profile", { details }));
      expect(error).toMatchObject({ code: "not_found", message: "no such profile" });
      expect((error as KitError).details).toEqual(details);
      expect(declaredError(Profiles.methods.get, error)).toBeUndefined();
    },
  );

  it("leaves an error that is not declared as it came", async () => {
    const error = await refuse(new KitError("aborted", "try again", { details: { id: "ada", gone: since } }));
    expect(error).toMatchObject({ code: "aborted", details: { id: "ada", gone: since } });
    expect(declaredError(Profiles.methods.get, error)).toBeUndefined();
  });

  it("is not harmed by keys that name a prototype", async () => {
    const hostile: unknown = JSON.parse(
      `{"id":"ada","since":"${since}","__proto__":{"page":9,"polluted":1},"constructor":{"prototype":{"polluted":1}}}`,
    );
    const get = vi.fn<Get>(async () => profile);
    await connect(get).get(hostile as { id: string; since: string }, background);
    const request = get.mock.calls[0]![0] as object;
    expect(request).toMatchObject({ id: "ada", page: 1, since: new Date(since) });
    expect(Object.getPrototypeOf(request)).toBe(Object.prototype);
    expect("polluted" in request).toBe(false);
    expect("polluted" in {}).toBe(false);
  });
});
