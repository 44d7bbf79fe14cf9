import { type Context, contextKey, type ContextKey } from "@kit/endpoint";
import type { HeaderReader, HeaderWriter } from "@kit/transport";
import { checkCredentials, formatCredentials } from "./credentials.ts";

/** The `authorization` header of the call, whatever its scheme. @see go-kit transport/http, ContextKeyRequestAuthorization */
export const authorization: ContextKey<string> = contextKey("@kit/auth-basic/authorization");

/**
 * A server's `before` hook, for every transport: puts the header where the middleware finds it.
 *
 * @see go-kit transport/http, PopulateRequestContext
 */
export function authorizationFromHeader(ctx: Context, message: HeaderReader): Context {
  const header = message.header("authorization");
  return header === undefined ? ctx : ctx.with(authorization, header);
}

/**
 * Makes a client's `before` hook, for every transport: writes `authorization: Basic ...` into each call, in place of what stands there. Anybody on the way
 * can read it: use TLS.
 *
 * @throws {TypeError} for a user with a colon, and for control characters.
 */
export function credentialsToHeader(user: string, password: string): (ctx: Context, message: HeaderWriter) => void {
  checkCredentials("credentialsToHeader", { user, password });
  const header = formatCredentials({ user, password });
  return (_ctx, message) => {
    message.headers["authorization"] = header;
  };
}
