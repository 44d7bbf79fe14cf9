import { type AnyMiddleware, type Context, KitError } from "@kit/endpoint";
import { SignJWT } from "jose";
import { checkAlgorithm, type JwtAlgorithm } from "./algorithm.ts";
import type { JwtClaims } from "./claims.ts";
import { type JwtKey, readyKey } from "./key.ts";
import { jwtToken } from "./token.ts";

export interface JwtSignerOptions {
  /** The secret for an `HS` algorithm, else the private key. */
  readonly key: JwtKey;
  readonly algorithm: JwtAlgorithm;
  /** Names the key in the token's header, for verifiers that have several. @default none */
  readonly kid?: string;
  /** What the tokens say: the same for all, or made for each call. */
  readonly claims: JwtClaims | ((request: any, ctx: Context) => JwtClaims);
  /** How long a token is good for, in ms, rounded up to seconds; it gets `iat` and `exp`. @default as `claims` say, as in go-kit: perhaps for ever */
  readonly lifetimeMs?: number;
  /** A clock in ms since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/**
 * Signs a token for each call of a client and puts it into the context, where `tokenToHeader` finds it.
 *
 * @throws {KitError} `internal` when there is no signing with that key: then no call is made.
 * @throws {TypeError} at construction, for an option that makes no sense.
 * @example
 * chain(jwtSigner({ key, algorithm: "ES256", kid: "2026-11", claims: { sub: "billing" }, lifetimeMs: 60_000 }), traced)(client)
 * @see go-kit auth/jwt/middleware.go, NewSigner
 */
export function jwtSigner(options: JwtSignerOptions): AnyMiddleware {
  const { key, algorithm, kid, claims, lifetimeMs, now = Date.now } = options;
  checkAlgorithm("jwtSigner: algorithm", algorithm);
  if (lifetimeMs !== undefined && !(lifetimeMs > 0 && lifetimeMs < Infinity)) {
    throw new TypeError(`jwtSigner: lifetimeMs must be a positive number, got ${lifetimeMs}`);
  }
  const ready = readyKey("jwtSigner: key", key, [algorithm], "private");
  // In the order that go-kit's tokens have.
  const header = { alg: algorithm, ...(kid === undefined ? {} : { kid }), typ: "JWT" };

  const sign = async (request: unknown, ctx: Context): Promise<string> => {
    try {
      const token = new SignJWT(typeof claims === "function" ? claims(request, ctx) : claims).setProtectedHeader(
        header,
      );
      if (lifetimeMs !== undefined) {
        const issued = Math.floor(now() / 1_000);
        token.setIssuedAt(issued).setExpirationTime(issued + Math.ceil(lifetimeMs / 1_000));
      }
      return await token.sign(await ready(header));
    } catch (cause) {
      throw new KitError("internal", "JWT could not be signed", { cause });
    }
  };

  return (next) => (request, ctx) => sign(request, ctx).then((token) => next(request, ctx.with(jwtToken, token)));
}
