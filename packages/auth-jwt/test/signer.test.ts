import { background, contextKey, type Context } from "@kit/endpoint";
import * as fc from "fast-check";
import { createSecretKey, generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import {
  type JwtAlgorithm,
  type JwtClaims,
  type JwtKey,
  jwtParser,
  jwtSigner,
  type JwtSignerOptions,
  jwtToken,
} from "../src/index.ts";
import { ec, errorOf, mapToken, parse, rsa, secret } from "./tokens.ts";

/** What a call behind a signer finds in its context. */
function sign(options: Partial<JwtSignerOptions>, request: unknown = {}, ctx: Context = background): Promise<string> {
  const signer = jwtSigner({ key: secret, algorithm: "HS256", kid: "kid", claims: {}, ...options });
  return signer(async (_request: unknown, inner) => inner.get(jwtToken)!)(request, ctx);
}

describe("jwtSigner", () => {
  it.each<[string, JwtClaims, string]>([
    ["map", { user: "go-kit" }, mapToken],
    [
      "standard",
      { aud: "go-kit" },
      "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZCIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJnby1raXQifQ.L5ypIJjCOOv3jJ8G5SelaHvR04UJuxmcBN5QW3m_aoY",
    ],
    [
      "custom",
      { my_property: "some value", aud: "go-kit" },
      "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZCIsInR5cCI6IkpXVCJ9.eyJteV9wcm9wZXJ0eSI6InNvbWUgdmFsdWUiLCJhdWQiOiJnby1raXQifQ.s8F-IDrV4WPJUsqr7qfDi-3GRlcKR0SRnkTeUT_U-i0",
    ],
  ])("signs %s claims as go-kit's TestNewSigner", async (_kind, claims, token) => {
    expect(await sign({ claims })).toBe(token);
  });

  const hmac = { name: "HMAC", hash: "SHA-256" };
  it.each<[string, () => JwtKey | Promise<JwtKey>]>([
    ["bytes", () => secret],
    ["a KeyObject", () => createSecretKey(secret)],
    ["a JWK", () => ({ kty: "oct", k: Buffer.from(secret).toString("base64url") })],
    ["a CryptoKey", () => crypto.subtle.importKey("raw", secret, hmac, false, ["sign", "verify"])],
  ])("takes the secret as %s", async (_kind, make) => {
    const key = await make();
    expect(await sign({ key, claims: { user: "go-kit" } })).toBe(mapToken);
    expect(await parse({ key }, mapToken)).toEqual({ user: "go-kit" });
  });

  it("keeps its secret when the caller's bytes change", async () => {
    const key = Uint8Array.from(secret);
    const signer = jwtSigner({ key, algorithm: "HS256", kid: "kid", claims: { user: "go-kit" } });
    key.fill(0);
    const token = await signer(async (_request: unknown, ctx) => ctx.get(jwtToken))({}, background);
    expect(token).toBe(mapToken);
  });

  it("signs with a private key what the public one verifies, elsewhere too", async () => {
    const token = await sign({ key: ec.privateKey, algorithm: "ES256", claims: { sub: "ada" } });
    expect(await parse({ key: ec.publicKey, algorithms: ["ES256"] }, token)).toEqual({ sub: "ada" });
    const [header, claims, signature] = token.split(".");
    const key = { key: ec.publicKey, dsaEncoding: "ieee-p1363" } as const;
    const signed = Buffer.from(`${header}.${claims}`);
    expect(verify("sha256", signed, key, Buffer.from(signature!, "base64url"))).toBe(true);
  });

  it.each([
    ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const).map((name) => [name, () => rsa] as const),
    ["ES256", () => ec],
    ["ES384", () => generateKeyPairSync("ec", { namedCurve: "P-384" })],
    ["ES512", () => generateKeyPairSync("ec", { namedCurve: "P-521" })],
    ["EdDSA", () => generateKeyPairSync("ed25519")],
    ["Ed25519", () => generateKeyPairSync("ed25519")],
  ] as [JwtAlgorithm, () => { publicKey: KeyObject; privateKey: KeyObject }][])(
    "signs %s, with keys as objects and as JWKs, and leaves them alone",
    async (algorithm, make) => {
      const { publicKey, privateKey } = make();
      const jwks = [privateKey, publicKey].map((key) => key.export({ format: "jwk" }));
      for (const [key, verifying] of [[privateKey, publicKey], jwks] as [JwtKey, JwtKey][]) {
        const token = await sign({ key, algorithm, claims: { sub: "ada" } });
        expect(await parse({ key: verifying, algorithms: [algorithm] }, token)).toEqual({ sub: "ada" });
      }
      expect(jwks.some(Object.isFrozen)).toBe(false);
    },
  );

  it.each<JwtAlgorithm>(["HS256", "HS384", "HS512"])("signs %s", async (algorithm) => {
    const token = await sign({ algorithm, claims: { sub: "ada" } });
    expect(await parse({ algorithms: [algorithm] }, token)).toEqual({ sub: "ada" });
    expect(await errorOf(parse({ algorithms: [algorithm], key: Buffer.from("x") }, token))).toMatchObject({
      code: "unauthenticated",
    });
  });

  it("has any claims come out as they went in", async () => {
    const registered = new Set(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]);
    const claim = fc.string().filter((name) => !registered.has(name));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(claim, fc.jsonValue()), async (claims) => {
        const wire = JSON.parse(JSON.stringify(claims));
        expect(await parse({}, await sign({ claims }))).toEqual(wire);
      }),
    );
  });

  it("makes the claims for each call, of its request and its context", async () => {
    const tenant = contextKey<string>("test/tenant");
    const claims = (request: { id: number }, ctx: Context): JwtClaims => ({ id: request.id, tenant: ctx.get(tenant) });
    const ctx = background.with(tenant, "acme");
    for (const id of [1, 2]) {
      expect(await parse({}, await sign({ claims }, { id }, ctx))).toEqual({ id, tenant: "acme" });
    }
  });

  it("stamps tokens that live a while with iat and exp, and leaves the claims it was given alone", async () => {
    const claims = { sub: "ada" };
    const token = await sign({ claims, lifetimeMs: 1_500, now: () => 1_000_999 });
    expect(await parse({ now: () => 1_001_999 }, token)).toEqual({ sub: "ada", iat: 1_000, exp: 1_002 });
    expect(await errorOf(parse({ now: () => 1_002_000 }, token))).toMatchObject({
      cause: { message: "JWT is expired" },
    });
    expect(claims).toEqual({ sub: "ada" });
  });

  it("makes no call when it cannot sign", async () => {
    const endpoint = vi.fn<() => Promise<void>>(async () => {});
    const claims = (): JwtClaims => ({ exp: Number.NaN });
    const signer = jwtSigner({ key: secret, algorithm: "HS256", claims });
    const error = await errorOf(signer(endpoint)({}, background));
    expect(error).toMatchObject({ code: "internal", message: "JWT could not be signed", cause: expect.any(TypeError) });
    expect(endpoint).not.toHaveBeenCalled();
  });

  it("verifies behind itself: a signer's token is a parser's", async () => {
    const signer = jwtSigner({ key: rsa.privateKey, algorithm: "PS256", claims: { sub: "ada" } });
    const parser = jwtParser({ key: rsa.publicKey, algorithms: ["PS256"] });
    expect(await signer(parser(async () => "done"))({}, background)).toBe("done");
  });

  it.each<[string, Partial<JwtSignerOptions>, string]>([
    ["none", { algorithm: "none" as "HS256" }, "algorithm must be one of HS256, "],
    [
      "a public key",
      { key: rsa.publicKey, algorithm: "RS256" },
      "key must be a private key for RS256, got a public kind",
    ],
    ["a key for a secret", { key: rsa.privateKey }, "key must be a secret key for HS256, got a private kind"],
    ["text", { key: "secret" as never }, "key must be a secret key for HS256, got a value of no kind"],
    ["no bytes", { key: new Uint8Array() }, "key must not be empty"],
    ["no lifetime", { lifetimeMs: 0 }, "lifetimeMs must be a positive number, got 0"],
  ])("refuses %s by name", (_what, options, message) => {
    const make = (): unknown => jwtSigner({ key: secret, algorithm: "HS256", claims: {}, ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`jwtSigner: ${message}`);
  });
});
