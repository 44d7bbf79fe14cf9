import { type Context, contextKey, type ContextKey } from "@kit/endpoint";
import type { HeaderReader, HeaderWriter } from "@kit/transport";

/** The compact token of the call: put there by {@link tokenFromHeader} or the signer, read by the parser and {@link tokenToHeader}. @see go-kit JWTContextKey */
export const jwtToken: ContextKey<string> = contextKey("@kit/auth-jwt/token");

/**
 * A server's `before` hook, for every transport: takes the token from `authorization: Bearer <token>`. The scheme's case does not matter; a header that is
 * anything else leaves the context as it is, and the parser refuses the call.
 *
 * @see go-kit HTTPToContext, GRPCToContext
 */
export function tokenFromHeader(ctx: Context, message: HeaderReader): Context {
  const [scheme, token, ...more] = message.header("authorization")?.split(" ", 3) ?? [];
  return scheme?.toLowerCase() === "bearer" && token && more.length === 0 ? ctx.with(jwtToken, token) : ctx;
}

/**
 * A client's `before` hook, for every transport: writes the context's token as `authorization: Bearer <token>`, in place of what stands there. Without a
 * token it does nothing.
 *
 * @see go-kit ContextToHTTP, ContextToGRPC
 */
export function tokenToHeader(ctx: Context, message: HeaderWriter): void {
  const token = ctx.get(jwtToken);
  if (token !== undefined) message.headers["authorization"] = `Bearer ${token}`;
}
