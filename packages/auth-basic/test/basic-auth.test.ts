import { background, chain, type Endpoint, KitError } from "@kit/endpoint";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  authorization,
  basicAuth,
  type BasicAuthOptions,
  basicUser,
  credentialsToHeader,
  knownUsers,
} from "../src/index.ts";

const encode = (text: string | Uint8Array): string => `Basic ${Buffer.from(text).toString("base64")}`;

/** The header that a client of ours sends. */
function written(user: string, password: string): string {
  const headers: Record<string, string> = {};
  credentialsToHeader(user, password)(background, { headers });
  return headers["authorization"]!;
}

/** What a call with this header comes to: the user, or the error. */
function call(header: unknown, options: Partial<BasicAuthOptions> = {}): Promise<any> {
  const auth = basicAuth({ realm: "realm", verify: knownUsers({ user: "password" }), ...options });
  const endpoint = auth(async (_request: unknown, ctx) => ctx.get(basicUser));
  const ctx = header === undefined ? background : background.with(authorization, header as string);
  return endpoint({}, ctx).catch((error: unknown) => error);
}

const refused = { name: "KitError", code: "unauthenticated", message: "Unauthorized" };

describe("basicAuth", () => {
  it.each([
    ["no header", undefined],
    ["a header that is no string", 42],
    ["an empty header", ""],
    ["a wrong user", encode("wrong-user:password")],
    ["a wrong password", encode("user:wrong-password")],
  ])("refuses %s, as go-kit's TestWithBasicAuth", async (_what, header) => {
    const error = await call(header);
    expect(error).toMatchObject(refused);
    expect(error.headers()).toEqual({ "www-authenticate": 'Basic realm="realm", charset="UTF-8"' });
  });

  it("lets the right credentials pass, as go-kit's TestWithBasicAuth, and says whose they are", async () => {
    expect(await call(encode("user:password"))).toBe("user");
  });

  it("takes the example of RFC 7617, and its one in UTF-8", async () => {
    const verify = knownUsers({ Aladdin: "open sesame", test: "123£" });
    expect(await call("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", { verify })).toBe("Aladdin");
    expect(await call("Basic dGVzdDoxMjPCow==", { verify })).toBe("test");
  });

  it.each(["basic", "BASIC", "bAsIc"])("takes the scheme as %s, as RFC 7235 says; go-kit does not", async (scheme) => {
    expect(await call(encode("user:password").replace("Basic", scheme))).toBe("user");
  });

  it.each([
    ["another scheme", "Bearer dXNlcjpwYXNzd29yZA=="],
    ["no scheme", "dXNlcjpwYXNzd29yZA=="],
    ["no credentials", "Basic"],
    ["no credentials behind the space", "Basic "],
    ["two spaces", "Basic  dXNlcjpwYXNzd29yZA=="],
    ["a space behind", "Basic dXNlcjpwYXNzd29yZA== "],
    ["a missing colon", encode("userpassword")],
    ["missing padding", "Basic dXNlcjpwYXNzd29yZA"],
    ["half of the padding", "Basic dXNlcjpwYXNzd29yZA="],
    ["too much padding", "Basic dXNlcjpwYXNzd29yZA==="],
    ["padding in the middle", "Basic dXNl=cjpwYXNzd29yZA="],
    ["bits behind the end", "Basic dXNlcjpwYXNzd29yZB=="],
    ["letters that are not base64's", "Basic dXNlcjpwYXNzd29yZA=*"],
    ["base64url", `Basic ${Buffer.from("user:p?~pa>").toString("base64url")}`],
    ["two headers in one", "Basic dXNlcjpwYXNzd29yZA==, Basic dXNlcjpwYXNzd29yZA=="],
    ["Latin-1", encode(Buffer.from("user:\xa3", "latin1"))],
    ["broken UTF-8", encode(Buffer.from([0x75, 0x3a, 0xf0, 0x9f]))],
    ["a control character", encode("user:pass\0word")],
    ["a line break", encode("user:password\n")],
  ])("refuses %s before it asks the verifier", async (_what, header) => {
    const verify = vi.fn<BasicAuthOptions["verify"]>(() => true);
    expect(await call(header, { verify })).toMatchObject(refused);
    expect(verify).not.toHaveBeenCalled();
  });

  it.each([
    ["user", "pass:word:"],
    ["user", ""],
    ["", "password"],
    ["", ""],
    ["Jürgen", "пароль 🔑"],
    ["\ufeffuser", "x"],
  ])("tells user %j and password %j apart at the first colon", async (user, password) => {
    expect(await call(encode(`${user}:${password}`), { verify: knownUsers({ [user]: password }) })).toBe(user);
    expect(await call(encode(`${user}:${password}!`), { verify: knownUsers({ [user]: password }) })).toMatchObject(
      refused,
    );
  });

  it("takes a text for itself however Unicode spells it", async () => {
    const [composed, decomposed] = ["J\u00fcrgen", "Ju\u0308rgen"];
    expect(await call(encode(`${decomposed}:${decomposed}`), { verify: knownUsers({ [composed]: composed }) })).toBe(
      composed,
    );
    expect(await call(written(composed, composed), { verify: knownUsers({ [decomposed]: decomposed }) })).toBe(
      composed,
    );
  });

  it("refuses a huge header unread", async () => {
    const verify = vi.fn<BasicAuthOptions["verify"]>(() => true);
    const longest = encode(`u:${"x".repeat(3_065)}`);
    expect(longest).toHaveLength(4_098);
    expect(await call(longest, { verify })).toMatchObject(refused);
    expect(await call(encode(`u:${"x".repeat(1_000_000)}`), { verify })).toMatchObject(refused);
    expect(verify).not.toHaveBeenCalled();
    expect(await call(longest, { verify, maxHeaderBytes: 4_098 })).toBe("u");
  });

  it("asks a verifier that takes its time, with the context", async () => {
    const verify = vi.fn<BasicAuthOptions["verify"]>(async (user) => user === "ada");
    expect(await call(encode("ada:x"), { verify })).toBe("ada");
    expect(await call(encode("eve:x"), { verify })).toMatchObject(refused);
    expect(verify.mock.calls[0]?.slice(0, 2)).toEqual(["ada", "x"]);
    expect(verify.mock.calls[0]?.[2].get(authorization)).toBe(encode("ada:x"));
  });

  it("rejects with what the verifier fails with, and does not call the endpoint", async () => {
    const away = new KitError("unavailable", "the directory is away");
    expect(await call(encode("ada:x"), { verify: () => Promise.reject(away) })).toBe(away);
    const thrown = (): never => {
      throw away;
    };
    expect(await call(encode("ada:x"), { verify: thrown })).toBe(away);
  });

  it("does not call the endpoint when refused, nor when the context has ended meanwhile, and captures no stack", async () => {
    const endpoint = vi.fn<Endpoint>(async () => {});
    const error = await call(undefined);
    expect(error.stack).not.toContain(" at ");
    await basicAuth({ realm: "", verify: () => true })(endpoint)({}, background).catch(() => {});
    const ctx = background.withCancel();
    const cause = new KitError("canceled", "the caller left");
    const verify = async (): Promise<boolean> => {
      ctx.cancel(cause);
      return true;
    };
    const late = basicAuth({ realm: "", verify })(endpoint)({}, ctx.with(authorization, encode("u:p")));
    await expect(late).rejects.toBe(cause);
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("quotes the realm as RFC 7230 says", async () => {
    const error = await call(undefined, { realm: 'the "old" c:\\place' });
    expect(error.headers()).toEqual({
      "www-authenticate": 'Basic realm="the \\"old\\" c:\\\\place", charset="UTF-8"',
    });
  });

  it("lets pass what a client of ours writes, and nothing else", async () => {
    const text = fc.string({ unit: "grapheme", maxLength: 20 }).filter((s) => !/\p{Cc}/u.test(s) && s.isWellFormed());
    const name = text.filter((s) => !s.includes(":"));
    await fc.assert(
      fc.asyncProperty(name, text, name, text, async (user, password, otherUser, otherPassword) => {
        const verify = knownUsers({ [user]: password });
        expect(await call(written(user, password), { verify })).toBe(user.normalize());
        const same = user.normalize() === otherUser.normalize() && password.normalize() === otherPassword.normalize();
        const other = await call(written(otherUser, otherPassword), { verify });
        expect(other === user.normalize()).toBe(same);
      }),
    );
  });

  it("survives any header", async () => {
    const header = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `Basic ${rest}`),
      fc.uint8Array().map((bytes) => encode(bytes)),
    );
    const verify = (): boolean => false;
    await fc.assert(
      fc.asyncProperty(header, async (value) => {
        expect(await call(value, { verify })).toMatchObject(refused);
      }),
    );
  });

  it("keeps the endpoint's types in a chain", () => {
    const greet = async ({ name }: { name: string }): Promise<string> => `hello ${name}`;
    const wrap = chain(basicAuth({ realm: "", verify: () => true }));
    expectTypeOf(wrap(greet)).toEqualTypeOf<Endpoint<{ name: string }, string>>();
  });

  it.each([
    [{ realm: "a\nb" }, 'basicAuth: realm must be printable ASCII, got "a\\nb"'],
    [{ realm: "ä" }, 'basicAuth: realm must be printable ASCII, got "ä"'],
    [{ maxHeaderBytes: 0 }, "basicAuth: maxHeaderBytes must be a positive number, got 0"],
  ])("refuses %o by name", (options, message) => {
    expect(() => basicAuth({ realm: "realm", verify: () => true, ...options })).toThrow(new TypeError(message));
  });
});
