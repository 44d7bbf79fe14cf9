import { type AnyMiddleware, type Context, type ContextKey, isKitError } from "@kit/endpoint";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from "jose";
import { checkAlgorithm, isHmac, type JwtAlgorithm } from "./algorithm.ts";
import { jwtClaims } from "./claims.ts";
import { type JwtKey, type JwtKeyFinder, type JwtKeySet, readyKey } from "./key.ts";
import { refusals } from "./refusals.ts";
import { jwtToken } from "./token.ts";

/** What a service makes of a token's claims, and where its endpoints find it. */
export interface TypedClaims<Claims> {
  /** Any Standard Schema (zod, valibot, arktype, ...). Claims that it does not accept refuse the token. */
  readonly schema: StandardSchemaV1<unknown, Claims>;
  readonly key: ContextKey<Claims>;
}

export interface JwtParserOptions<Claims = unknown> {
  /** One secret or public key, a key set, or what finds the key for a token: {@link remoteJwks}, or a function. */
  readonly key: JwtKey | JwtKeySet | JwtKeyFinder;
  /** How tokens may be signed, at least one; all `HS`, or none of them. go-kit has one. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** Who must have made the token: its `iss` is there and one of these. @default anybody who has the key */
  readonly issuer?: string | readonly string[];
  /** Whom the token must be for: its `aud` is there and names one of these. @default anybody; set it where one issuer serves several services */
  readonly audience?: string | readonly string[];
  /** The `typ` of the header, e.g. `at+jwt`, so that an issuer's other tokens are no good here. @default any */
  readonly typ?: string;
  /** Claims that must be there, such as `exp`. @default none, as in go-kit: a token without `exp` is good for ever */
  readonly requiredClaims?: readonly string[];
  /** By how much clocks may differ where `exp` and `nbf` are looked at, in ms. @default 0, as in go-kit */
  readonly clockToleranceMs?: number;
  /** Makes typed claims of the verified ones. @default the verified ones alone, under {@link jwtClaims} */
  readonly claims?: TypedClaims<Claims>;
  /** A longer token is refused unread. @default 16_384, what Node takes for all headers of a request */
  readonly maxTokenBytes?: number;
  /** Names what is protected, in `WWW-Authenticate`, in printable ASCII. @default "api" */
  readonly realm?: string;
  /** A clock in ms since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/**
 * Verifies the token that is in the context, and puts its claims there, under {@link jwtClaims}; the endpoint is not called without a good one. The signature
 * is verified before anything in the token is believed. A call whose context ends does not wait for the keys any longer.
 *
 * @throws {KitError} `unauthenticated` for every token that is missing or not good, with `headers()` as of RFC 6750 and the reason in `cause`.
 * @throws {KitError} what the key finder throws: `unavailable` when {@link remoteJwks} has no keys.
 * @throws {TypeError} at construction, for an option that makes no sense.
 * @example
 * chain(jwtParser({ key: remoteJwks({ url }), algorithms: ["RS256"], issuer, audience: "billing" }), logged)(endpoint)
 * @see go-kit auth/jwt/middleware.go, NewParser
 */
export function jwtParser<Claims>(options: JwtParserOptions<Claims>): AnyMiddleware {
  const { key, algorithms, issuer, audience, typ, requiredClaims = [], clockToleranceMs = 0, claims } = options;
  const { maxTokenBytes = 16_384, realm = "api", now = Date.now } = options;
  checkAlgorithms(algorithms);
  if (!(clockToleranceMs >= 0 && clockToleranceMs < Infinity)) {
    throw new TypeError(`jwtParser: clockToleranceMs must not be negative, got ${clockToleranceMs}`);
  }
  if (!(maxTokenBytes > 0))
    throw new TypeError(`jwtParser: maxTokenBytes must be a positive number, got ${maxTokenBytes}`);
  if (!/^[\x20-\x7e]*$/.test(realm)) {
    throw new TypeError(`jwtParser: realm must be printable ASCII, got ${JSON.stringify(realm)}`);
  }
  const { missing, invalid } = refusals(realm);
  const ready = readyKey("jwtParser: key", key, algorithms, "public") as JWTVerifyGetKey;
  const expected: JWTVerifyOptions = {
    algorithms: [...algorithms],
    requiredClaims: [...requiredClaims],
    clockTolerance: clockToleranceMs / 1_000,
    ...(issuer === undefined ? {} : { issuer: [issuer].flat() }),
    ...(audience === undefined ? {} : { audience: [audience].flat() }),
    ...(typ === undefined ? {} : { typ }),
  };

  const parse = async (token: string, ctx: Context): Promise<Context> => {
    // ASCII, if it is a token at all.
    if (token.length > maxTokenBytes) throw invalid("JWT is malformed");
    try {
      const { payload } = await jwtVerify(token, ready, { ...expected, currentDate: new Date(now()) });
      const verified = ctx.with(jwtClaims, payload);
      if (claims === undefined) return verified;
      const { issues, value } = (await claims.schema["~standard"].validate(payload)) as Outcome<Claims>;
      if (issues !== undefined) throw new TypeError(issues.map(({ message }) => message).join("; "));
      return verified.with(claims.key, value);
    } catch (cause) {
      throw isKitError(cause) ? cause : invalid(reasonOf(cause), cause);
    }
  };

  return (next) => (request, ctx) => {
    const token = ctx.get(jwtToken);
    if (typeof token !== "string") return Promise.reject(missing);
    return whileWanted(parse(token, ctx), ctx).then((verified) => next(request, verified));
  };
}

interface Outcome<Value> {
  readonly issues?: readonly StandardSchemaV1.Issue[];
  readonly value: Value;
}

function checkAlgorithms(algorithms: readonly JwtAlgorithm[]): void {
  if (!Array.isArray(algorithms) || algorithms.length === 0) {
    throw new TypeError("jwtParser: algorithms must name at least one");
  }
  for (const algorithm of algorithms) checkAlgorithm("jwtParser: algorithms", algorithm);
  // One key for both would let whoever has the public one sign with it.
  if (new Set(algorithms.map(isHmac)).size > 1) {
    throw new TypeError(
      `jwtParser: algorithms must not mix shared secrets with public keys, got ${algorithms.join(", ")}`,
    );
  }
}

/** jose's error in go-kit's words. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "JWT is expired";
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return "JWT is malformed";
  if (error instanceof errors.JOSEAlgNotAllowed) return "unexpected signing method";
  const early =
    error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf" && error.reason === "check_failed";
  return early ? "token is not valid yet" : "JWT was invalid";
}

/** The work's outcome, or the context's end if that is earlier. */
function whileWanted<T>(work: Promise<T>, ctx: Context): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = ctx.onCancel(reject);
    work.then(resolve, reject).finally(leave);
  });
}
