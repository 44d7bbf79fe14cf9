import {
  type AnyMiddleware,
  background,
  callInfo,
  chain,
  type Context,
  type ContextKey,
  contextKey,
} from "@kit/endpoint";
import { jwtParser, type JwtParserOptions, jwtSigner, jwtToken, remoteJwks } from "@kit/auth-jwt";
import { spanOf } from "@kit/tracing-otel";
import { z } from "zod";
import { type Flag, UsageError } from "./flags.ts";

export const authFlags = {
  auth: { value: "jwt", help: "jwt, or none to let everybody in, as go-kit's does" },
  "jwks-url": { value: "", help: "key set of whoever issues tokens (default the secret in JWT_SECRET)" },
  "jwt-audience": { value: "apigateway", help: "whom a token must be for" },
} satisfies Record<string, Flag>;

type AuthFlags = Readonly<Record<keyof typeof authFlags, string>>;

const Claims = z.object({ sub: z.string().min(1) });
const claims: ContextKey<z.output<typeof Claims>> = contextKey("@kit-apps/apigateway/claims");

/** RFC 7518 wants as many bytes as the hash has. */
const leastSecretBytes = 32;

/** The middleware at the edge: verifies who calls, and tells the span. */
export function authenticated(flags: AuthFlags, secret: string | undefined): AnyMiddleware {
  if (flags.auth === "none") return named;
  if (flags.auth !== "jwt") throw new UsageError(`--auth must be jwt or none, got "${flags.auth}"`);
  return chain(
    jwtParser({
      ...keyOf(flags["jwks-url"], secret),
      audience: flags["jwt-audience"],
      requiredClaims: ["sub", "exp"],
      claims: { schema: Claims, key: claims },
    }),
    named,
  );
}

function keyOf(jwksUrl: string, secret: string | undefined): Pick<JwtParserOptions, "key" | "algorithms"> {
  if (jwksUrl !== "") {
    if (!/^https?:\/\/./.test(jwksUrl)) throw new UsageError(`--jwks-url must be a URL, got "${jwksUrl}"`);
    return { key: remoteJwks({ url: jwksUrl }), algorithms: ["RS256", "ES256"] };
  }
  return { key: bytesOf(secret), algorithms: ["HS256"] };
}

function bytesOf(secret: string | undefined): Uint8Array {
  if (secret === undefined) {
    throw new UsageError("nobody could call: set JWT_SECRET or --jwks-url, or let everybody in with --auth none");
  }
  const bytes = Buffer.from(secret);
  if (bytes.length < leastSecretBytes) {
    throw new UsageError(`JWT_SECRET must have at least ${leastSecretBytes} bytes, got ${bytes.length}`);
  }
  return bytes;
}

/** Whose call it is: the subject of the token, or where it comes from. */
export function callerOf(ctx: Context): string {
  return ctx.get(claims)?.sub ?? ctx.get(callInfo)?.peer ?? "";
}

const named: AnyMiddleware = (next) => (request, ctx) => {
  spanOf(ctx)?.setAttribute("enduser.id", callerOf(ctx));
  return next(request, ctx);
};

const hourMs = 3_600_000;

/** A token for whoever wants to try the gateway, good for an hour. */
export async function issueToken(subject: string, audience: string, secret: string | undefined): Promise<string> {
  const signed = jwtSigner({
    key: bytesOf(secret),
    algorithm: "HS256",
    claims: { sub: subject, aud: audience },
    lifetimeMs: hourMs,
  });
  return (await signed(async (_, ctx) => ctx.get(jwtToken))(undefined, background))!;
}
