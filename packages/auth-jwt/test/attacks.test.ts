import type { KitError } from "@kit/endpoint";
import * as fc from "fast-check";
import { createHmac, createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import type { JwtHeader, JwtKey, JwtParserOptions } from "../src/index.ts";
import { ec, errorOf, handmade, mapToken, parse, rsa, secret } from "./tokens.ts";

const claims = { sub: "mallory", admin: true };
const rs256 = { key: rsa.publicKey, algorithms: ["RS256"] } as const;
const signedBy =
  (key: KeyObject) =>
  (input: string): string =>
    createSign("sha256").update(input).sign(key, "base64url");
const macBy =
  (key: string | Buffer) =>
  (input: string): string =>
    createHmac("sha256", key).update(input).digest("base64url");
const good = handmade({ alg: "RS256" }, { sub: "ada" }, signedBy(rsa.privateKey));

/** What a token gets its bearer. */
async function attempt(options: Partial<JwtParserOptions>, token: string): Promise<unknown> {
  try {
    return await parse(options, token);
  } catch (error) {
    const { code, message, headers } = error as KitError & { headers(): unknown };
    return { code, message, ...(headers() as object) };
  }
}

/** All that a stranger ever learns. */
const refused = {
  code: "unauthenticated",
  message: "JWT was invalid",
  "www-authenticate": 'Bearer realm="api", error="invalid_token"',
};

describe("an attacker", () => {
  it("is not the owner of the keys in these tests: a good token passes", async () => {
    expect(await parse(rs256, good)).toEqual({ sub: "ada" });
  });

  it.each(["none", "None", "NONE", "nOnE", "", null, 0, ["RS256"], undefined])(
    "cannot switch signing off: alg %j",
    async (alg) => {
      for (const signature of ["", "AA"]) {
        expect(
          await attempt(
            rs256,
            handmade({ alg }, claims, () => signature),
          ),
        ).toEqual(refused);
        expect(
          await attempt(
            {},
            handmade({ alg }, claims, () => signature),
          ),
        ).toEqual(refused);
      }
    },
  );

  it("cannot sign with the public key as if it were the secret", async () => {
    const { publicKey } = rsa;
    const shapes = [
      publicKey.export({ type: "spki", format: "pem" }),
      publicKey.export({ type: "pkcs1", format: "pem" }),
      publicKey.export({ type: "spki", format: "der" }),
      String(publicKey.export({ type: "spki", format: "pem" })).trim(),
    ];
    for (const shape of shapes) {
      const token = handmade({ alg: "HS256" }, claims, macBy(shape));
      expect(await attempt(rs256, token)).toEqual(refused);
      expect(await errorOf(parse(rs256, token))).toMatchObject({ cause: { message: "unexpected signing method" } });
    }
  });

  it("cannot sign with the public key where a function gives it for every algorithm", async () => {
    const token = handmade({ alg: "HS256" }, claims, macBy(rsa.publicKey.export({ type: "spki", format: "pem" })));
    expect(await attempt({ key: () => rsa.publicKey, algorithms: ["HS256"] }, token)).toEqual(refused);
  });

  it("cannot strip the signature, or cut it", async () => {
    const [header, payload, signature] = good.split(".") as [string, string, string];
    for (const cut of [
      "",
      signature.slice(0, -1),
      signature.slice(0, 10),
      "A".repeat(signature.length),
      `${signature}A`,
    ]) {
      expect(await attempt(rs256, `${header}.${payload}.${cut}`)).toEqual(refused);
    }
    expect(await attempt(rs256, `${header}.${payload}`)).toEqual(refused);
    expect(await attempt(rs256, `${header}.${payload}.${signature}.`)).toEqual(refused);
    expect(await attempt(rs256, `${header}.${payload}.${signature}.${signature}`)).toEqual(refused);
  });

  it("cannot swap the signature, the claims or the header", async () => {
    const other = handmade({ alg: "RS256" }, claims, signedBy(rsa.privateKey)).split(".");
    const [header, payload, signature] = good.split(".");
    const forged = Buffer.from(JSON.stringify(claims)).toString("base64url");
    const renamed = Buffer.from('{"alg":"RS256","kid":"x"}').toString("base64url");
    expect(await attempt(rs256, `${header}.${payload}.${other[2]}`)).toEqual(refused);
    expect(await attempt(rs256, `${header}.${forged}.${signature}`)).toEqual(refused);
    expect(await attempt(rs256, `${renamed}.${payload}.${signature}`)).toEqual(refused);
  });

  it("cannot sign with a key of their own", async () => {
    const own = generateKeyPairSync("rsa", { modulusLength: 2048 });
    expect(await attempt(rs256, handmade({ alg: "RS256" }, claims, signedBy(own.privateKey)))).toEqual(refused);
  });

  it("cannot bring the key along: jwk, jku, x5u and x5c are not looked at", async () => {
    const own = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwk = own.publicKey.export({ format: "jwk" });
    const fetched = vi.spyOn(globalThis, "fetch");
    for (const header of [
      { jwk },
      { jku: "http://127.0.0.1:1/jwks.json" },
      { x5u: "http://127.0.0.1:1/cert.pem" },
      { x5c: [own.publicKey.export({ type: "spki", format: "der" }).toString("base64")] },
    ]) {
      expect(await attempt(rs256, handmade({ alg: "RS256", ...header }, claims, signedBy(own.privateKey)))).toEqual(
        refused,
      );
    }
    expect(fetched).not.toHaveBeenCalled();
    fetched.mockRestore();
  });

  it.each([
    "../../../../dev/null",
    "/dev/null",
    "x' UNION SELECT 'secret' --",
    "k0\0",
    "__proto__",
    "constructor",
    "toString",
    "http://127.0.0.1:1/key",
    { toString: "k0" },
    ["k0"],
    0,
    null,
  ])("cannot inject a kid: %j finds no key", async (kid) => {
    const keys = { keys: [{ ...rsa.publicKey.export({ format: "jwk" }), kid: "k0" }] };
    for (const mac of [macBy(""), macBy("secret"), macBy("\0")]) {
      expect(await attempt({ ...rs256, key: keys }, handmade({ alg: "HS256", kid }, claims, mac))).toEqual(refused);
    }
    expect(
      await attempt({ ...rs256, key: keys }, handmade({ alg: "RS256", kid }, claims, signedBy(rsa.privateKey))),
    ).toEqual(refused);
  });

  it("cannot make a careless table of keys give something that is no key", async () => {
    const table: Record<string, JwtKey> = { k0: secret };
    const key = ({ kid }: JwtHeader): JwtKey => table[kid as string]!;
    for (const kid of ["__proto__", "constructor", "toString", "nobody"]) {
      expect(await attempt({ key }, handmade({ alg: "HS256", kid }, claims, macBy("")))).toEqual(refused);
    }
  });

  it("cannot use a critical extension that nobody here knows", async () => {
    expect(
      await attempt(rs256, handmade({ alg: "RS256", crit: ["exp2"], exp2: 1 }, claims, signedBy(rsa.privateKey))),
    ).toEqual(refused);
    expect(
      await attempt(rs256, handmade({ alg: "RS256", crit: ["b64"], b64: false }, claims, signedBy(rsa.privateKey))),
    ).toEqual(refused);
  });

  it("cannot use another curve or a DER signature", async () => {
    const es256 = { key: ec.publicKey, algorithms: ["ES256"] } as const;
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
    expect(await attempt(es256, handmade({ alg: "ES256" }, claims, signedBy(p384.privateKey)))).toEqual(refused);
    expect(await attempt(es256, handmade({ alg: "ES256" }, claims, signedBy(ec.privateKey)))).toEqual(refused);
    expect(
      await attempt(
        es256,
        handmade({ alg: "ES256" }, claims, () => Buffer.alloc(64).toString("base64url")),
      ),
    ).toEqual(refused);
  });

  it.each([
    ["that has expired", { exp: 999 }],
    ["that is not valid yet", { nbf: 1_001 }],
    ["for another audience", { aud: "shop" }],
  ])("cannot use a good token %s", async (_what, late) => {
    const token = handmade({ alg: "HS256" }, { aud: "billing", ...late });
    expect(await attempt({ audience: "billing", now: () => 1_000_000 }, token)).toEqual(refused);
  });

  it("cannot make a token of 1 MB be read", async () => {
    const find = vi.fn<() => Uint8Array>(() => secret);
    const long = handmade({ alg: "HS256" }, { sub: "x".repeat(1_000_000) });
    expect(await attempt({ key: find }, long)).toEqual(refused);
    expect(await attempt({ key: find }, ".".repeat(1_000_000))).toEqual(refused);
    expect(find).not.toHaveBeenCalled();
    expect(await parse({ maxTokenBytes: long.length }, long)).toHaveProperty("sub");
    expect(await attempt({ maxTokenBytes: long.length - 1 }, long)).toEqual(refused);
  });

  it("cannot write claims into every object", async () => {
    const parsed = await parse({}, handmade({ alg: "HS256" }, '{"__proto__":{"admin":true},"sub":"x"}'));
    expect(parsed).not.toHaveProperty("admin");
    expect({}).not.toHaveProperty("admin");
  });

  it("gets nothing but a refusal for whatever they send", async () => {
    const piece = fc.oneof(
      fc.base64String().map((text) => text.replaceAll("=", "")),
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString("base64url")),
      fc.constantFrom(...mapToken.split(".")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 5 }), async (pieces) => {
        const token = pieces.join(".");
        fc.pre(token !== mapToken);
        expect(await attempt({}, token)).toEqual(refused);
      }),
    );
  });

  it("gets nothing for a token with any one character changed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(mapToken.length - 2),
        fc.string({ minLength: 1, maxLength: 1 }),
        async (at, character) => {
          fc.pre(mapToken[at] !== character);
          expect(await attempt({}, mapToken.slice(0, at) + character + mapToken.slice(at + 1))).toEqual(refused);
        },
      ),
    );
  });
});
