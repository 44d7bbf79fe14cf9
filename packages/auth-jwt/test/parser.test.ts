import { background, chain, type Context, contextKey, type Endpoint, KitError } from "@kit/endpoint";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { z } from "zod";
import {
  jwtClaims,
  type JwtClaims,
  jwtParser,
  type JwtParserOptions,
  jwtSigner,
  jwtToken,
  type TypedClaims,
} from "../src/index.ts";
import { ec, errorOf, handmade, mapToken, parse, rsa, secret } from "./tokens.ts";

const hs256 = { alg: "HS256", kid: "kid", typ: "JWT" };
const seconds = Math.floor(Date.now() / 1_000);

/** What the caller learns of any token that is not good. */
const told = { name: "KitError", code: "unauthenticated", message: "JWT was invalid" };

describe("jwtParser", () => {
  it("refuses a call without a token, as go-kit's TestJWTParser", async () => {
    expect(await errorOf(parse({}))).toMatchObject({
      ...told,
      cause: { message: "token up for parsing was not passed through the context" },
    });
  });

  it.each<[string, Partial<JwtParserOptions>, string, string]>([
    [
      "garbage",
      {},
      "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.vKVCKto-Wn6rgz3vBdaZaCBGfCBDTXOENSo_X2Gq7qA",
      "unexpected signing method",
    ],
    ["an algorithm that is not the parser's", { algorithms: ["HS384"] }, mapToken, "unexpected signing method"],
    ["a wrong key", { key: Buffer.from("bad") }, mapToken, "JWT was invalid"],
    ["a malformed one", {}, "malformed.jwt.token", "JWT is malformed"],
    ["one that has expired", {}, handmade(hs256, { exp: seconds - 100 }), "JWT is expired"],
    ["one that is not active yet", {}, handmade(hs256, { nbf: seconds + 100 }), "token is not valid yet"],
  ])("refuses %s, as go-kit's TestJWTParser", async (_what, options, token, reason) => {
    expect(await errorOf(parse(options, token))).toMatchObject({ ...told, cause: { message: reason } });
  });

  it("puts the claims into the context, as go-kit's TestJWTParser", async () => {
    expect(await parse({}, mapToken)).toEqual({ user: "go-kit" });
  });

  it.each(["key", "promise"])("takes the key from a function, which sees the header (%s)", async (kind) => {
    const find = vi.fn<(header: object) => any>(() => (kind === "key" ? secret : Promise.resolve(secret)));
    expect(await parse({ key: find }, mapToken)).toEqual({ user: "go-kit" });
    expect(find.mock.lastCall?.[0]).toEqual(hs256);
  });

  it("gives each of 100 calls at once its own claims, as go-kit's TestIssue562", async () => {
    const parser = jwtParser({ key: secret, algorithms: ["HS256"] });
    const endpoint = parser(async (_request: unknown, ctx) => ctx.get(jwtClaims)!);
    const ctx = background.with(jwtToken, mapToken);
    const claims = await Promise.all(Array.from({ length: 100 }, () => endpoint({}, ctx)));
    expect(new Set(claims).size).toBe(100);
    expect(claims.every(({ user }) => user === "go-kit")).toBe(true);
  });

  it("does not call the endpoint for a token that is not good, and captures no stack for the refusal", async () => {
    const endpoint = vi.fn<Endpoint>(async () => {});
    const parser = jwtParser({ key: secret, algorithms: ["HS256"] });
    for (const ctx of [background, background.with(jwtToken, "x.y.z")]) {
      const error = await errorOf(parser(endpoint)({}, ctx));
      expect(error.stack).not.toContain(" at ");
    }
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("challenges as RFC 6750 says: an error only where a token came", async () => {
    const missing = await errorOf(parse({}));
    expect(missing.headers()).toEqual({ "www-authenticate": 'Bearer realm="api"' });
    const invalid = await errorOf(parse({ realm: 'the "old" one' }, "x"));
    expect(invalid.headers()).toEqual({
      "www-authenticate": 'Bearer realm="the \\"old\\" one", error="invalid_token"',
    });
  });

  it("tells why in the cause of the cause only", async () => {
    const error = await errorOf(parse({ issuer: "https://secret.example" }, mapToken));
    expect(JSON.stringify([error.message, error.details, error.headers()])).not.toContain("iss");
    expect(error.cause.cause).toMatchObject({ code: "ERR_JWT_CLAIM_VALIDATION_FAILED", claim: "iss" });
  });

  it.each<[string, Partial<JwtParserOptions>, JwtClaims]>([
    ["an issuer of several", { issuer: ["https://a", "https://b"] }, { iss: "https://b" }],
    ["an audience of several on both sides", { audience: ["x", "billing"] }, { aud: ["billing", "y"] }],
    ["an expiry within the tolerance", { clockToleranceMs: 5_000, now: () => 104_000 }, { exp: 100 }],
    ["a beginning within the tolerance", { clockToleranceMs: 5_000, now: () => 96_000 }, { nbf: 100 }],
    ["the claims it needs", { requiredClaims: ["exp", "sub"] }, { exp: seconds + 100, sub: "ada" }],
  ])("accepts %s", async (_what, options, claims) => {
    expect(await parse(options, handmade(hs256, claims))).toEqual(claims);
  });

  it.each<[string, Partial<JwtParserOptions>, unknown]>([
    ["another issuer", { issuer: "https://a" }, { iss: "https://b" }],
    ["no issuer", { issuer: "https://a" }, {}],
    ["an issuer that is a list", { issuer: "https://a" }, { iss: ["https://a"] }],
    ["another audience", { audience: "billing" }, { aud: ["shop", "billing2"] }],
    ["no audience", { audience: "billing" }, {}],
    ["an expiry past the tolerance", { clockToleranceMs: 5_000, now: () => 105_000 }, { exp: 100 }],
    ["a beginning past the tolerance", { clockToleranceMs: 5_000, now: () => 94_000 }, { nbf: 100 }],
    ["an expiry that is text", {}, { exp: String(seconds + 100) }],
    ["an expiry on the second", { now: () => 100_000 }, { exp: 100 }],
    ["a missing claim", { requiredClaims: ["exp"] }, { sub: "ada" }],
    ["another type", { typ: "at+jwt" }, {}],
    ["claims that are no object", {}, "[1]"],
    ["claims that are no JSON", {}, "{"],
  ])("refuses %s", async (_what, options, claims) => {
    expect(await errorOf(parse(options, handmade(hs256, claims)))).toMatchObject(told);
  });

  it("accepts the type it asks for", async () => {
    const token = handmade({ alg: "HS256", typ: "at+jwt" }, { sub: "ada" });
    expect(await parse({ typ: "at+jwt" }, token)).toEqual({ sub: "ada" });
  });

  it("hands on a KitError of the key finder, and takes any other for a bad token", async () => {
    const away = new KitError("unavailable", "the vault is away");
    expect(await errorOf(parse({ key: () => Promise.reject(away) }, mapToken))).toBe(away);
    const unknown = new Error("no such kid");
    const error = await errorOf(parse({ key: () => Promise.reject(unknown) }, mapToken));
    expect(error).toMatchObject({ ...told, cause: { message: "JWT was invalid", cause: unknown } });
  });

  it("does not wait for a key when the context has ended, and leaves nothing on it", async () => {
    const endpoint = vi.fn<Endpoint>(async () => {});
    let found!: (key: Uint8Array) => void;
    const key = (): Promise<Uint8Array> => new Promise((resolve) => (found = resolve));
    const ctx = background.withCancel();
    const cause = new KitError("canceled", "the caller left");
    const call = jwtParser({ key, algorithms: ["HS256"] })(endpoint)({}, ctx.with(jwtToken, mapToken));
    ctx.cancel(cause);
    expect(await errorOf(call)).toBe(cause);
    found(secret);
    await new Promise((resolve) => void setImmediate(resolve));
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("picks the key of a set by its kid", async () => {
    const keys = {
      keys: [rsa, ec].map(({ publicKey }, i) => ({ ...publicKey.export({ format: "jwk" }), kid: `k${i}` })),
    };
    const signer = jwtSigner({ key: ec.privateKey, algorithm: "ES256", kid: "k1", claims: { sub: "ada" } });
    const parser = jwtParser({ key: keys, algorithms: ["ES256", "RS256"] });
    const endpoint = signer(parser(async (_request: unknown, ctx) => ctx.get(jwtClaims)));
    expect(await endpoint({}, background)).toEqual({ sub: "ada" });
  });
});

describe("typed claims", () => {
  const User = z.object({ sub: z.string(), roles: z.array(z.string()).default([]) });
  const user = contextKey<z.output<typeof User>>("test/user");
  const typed = { claims: { schema: User, key: user } };

  it("are what the schema makes of the verified ones, which stay beside them", async () => {
    const parser = jwtParser({ key: secret, algorithms: ["HS256"], ...typed });
    const endpoint = parser(async (_request: unknown, ctx: Context) => [ctx.get(user), ctx.get(jwtClaims)]);
    const token = handmade(hs256, { sub: "ada", extra: 1 });
    expect(await endpoint({}, background.with(jwtToken, token))).toEqual([
      { sub: "ada", roles: [] },
      { sub: "ada", extra: 1 },
    ]);
  });

  it("refuse the token where the schema does, or fails", async () => {
    const error = await errorOf(parse(typed, handmade(hs256, { sub: 1 })));
    expect(error).toMatchObject({ ...told, cause: { message: "JWT was invalid", cause: expect.any(TypeError) } });
    const broken = {
      "~standard": { version: 1, vendor: "test", validate: () => Promise.reject(new Error("down")) },
    } as const;
    expect(await errorOf(parse({ claims: { schema: broken, key: user } }, mapToken))).toMatchObject(told);
  });

  it("keep the types of endpoint, schema and key", () => {
    const greet = async ({ name }: { name: string }): Promise<string> => name;
    const wrap = chain(jwtParser({ key: secret, algorithms: ["HS256"], ...typed }));
    expectTypeOf(wrap(greet)).toEqualTypeOf<Endpoint<{ name: string }, string>>();
    const other = contextKey<number>("test/number");
    // @ts-expect-error the key is for something else than what the schema makes
    const claims: TypedClaims<z.output<typeof User>> = { schema: User, key: other };
    expect(claims.key).toBe(other);
  });
});

describe("options", () => {
  it.each<[string, Partial<JwtParserOptions>, string]>([
    ["no algorithm", { algorithms: [] }, "algorithms must name at least one"],
    ["none", { algorithms: ["none" as "HS256"] }, "algorithms must be one of HS256, "],
    [
      "a mixture",
      { algorithms: ["HS256", "RS256"], key: () => secret },
      "algorithms must not mix shared secrets with public keys",
    ],
    ["a secret for RS256", { algorithms: ["RS256"] }, "key must be a public key for RS256, got a secret kind"],
    ["a public key for HS256", { key: rsa.publicKey }, "key must be a secret key for HS256, got a public kind"],
    [
      "a private key",
      { key: rsa.privateKey, algorithms: ["RS256"] },
      "key must be a public key for RS256, got a private kind",
    ],
    ["a key set for HS256", { key: { keys: [] } }, "key must be a secret key for HS256, got a public kind"],
    [
      "PEM for a secret",
      { key: Buffer.from(rsa.publicKey.export({ type: "spki", format: "pem" })) },
      "key is PEM text, which is no secret",
    ],
    ["a set without keys", { key: { keys: 1 as never }, algorithms: ["RS256"] }, "key must have a list of keys"],
    ["a JWK of no kind", { key: {} }, "key must be a secret key for HS256, got a value of no kind"],
    ["a tolerance below 0", { clockToleranceMs: -1 }, "clockToleranceMs must not be negative, got -1"],
    ["no bytes", { maxTokenBytes: 0 }, "maxTokenBytes must be a positive number, got 0"],
    ["a realm with a line break", { realm: "a\nb" }, 'realm must be printable ASCII, got "a\\nb"'],
  ])("refuses %s by name", (_what, options, message) => {
    const make = (): unknown => jwtParser({ key: secret, algorithms: ["HS256"], ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`jwtParser: ${message}`);
  });
});
