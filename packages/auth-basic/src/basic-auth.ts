import { type AnyMiddleware, type Context, contextKey, type ContextKey, type KitError, refusal } from "@kit/endpoint";
import { parseCredentials } from "./credentials.ts";
import { authorization } from "./header.ts";

export interface BasicAuthOptions {
  /** Names what is protected: browsers show it, and keep credentials by it. */
  readonly realm: string;
  /**
   * Whether these are a user and their password, both in Unicode's composed form: {@link knownUsers}, or a function of your own, which should take the same time
   * for every answer. What it throws, the call rejects with.
   */
  readonly verify: (user: string, password: string, ctx: Context) => boolean | Promise<boolean>;
  /** A longer header is refused unread. @default 4_096, more than any honest pair needs, so that no verifier hashes megabytes */
  readonly maxHeaderBytes?: number;
}

/** Where the middleware puts the user who was verified. */
export const basicUser: ContextKey<string> = contextKey("@kit/auth-basic/user");

/**
 * Lets calls pass that bring a user and their password; the endpoint is not called for any other. All refusals are alike, be the header missing, malformed or
 * wrong.
 *
 * @throws {KitError} `unauthenticated` "Unauthorized", with `headers()` that ask for credentials; 401 on HTTP.
 * @throws {TypeError} at construction, for an option that makes no sense.
 * @example
 * chain(basicAuth({ realm: "metrics", verify: knownUsers({ prometheus: password }) }), logged)(endpoint)
 * @see go-kit auth/basic/middleware.go, AuthMiddleware
 * @see https://www.rfc-editor.org/rfc/rfc7617
 */
export function basicAuth(options: BasicAuthOptions): AnyMiddleware {
  const { realm, verify, maxHeaderBytes = 4_096 } = options;
  if (!/^[\x20-\x7e]*$/.test(realm)) {
    throw new TypeError(`basicAuth: realm must be printable ASCII, got ${JSON.stringify(realm)}`);
  }
  if (!(maxHeaderBytes > 0)) {
    throw new TypeError(`basicAuth: maxHeaderBytes must be a positive number, got ${maxHeaderBytes}`);
  }
  const unauthorized = unauthorizedFor(realm);

  const verified = async (ctx: Context): Promise<Context> => {
    const header = ctx.get(authorization);
    // go-kit's test passes a number.
    const readable = typeof header === "string" && header.length <= maxHeaderBytes;
    const credentials = readable ? parseCredentials(header) : undefined;
    if (credentials === undefined) throw unauthorized;
    const { user, password } = credentials;
    if (!(await verify(user, password, ctx))) throw unauthorized;
    if (ctx.cancelled !== undefined) throw ctx.cancelled;
    return ctx.with(basicUser, user);
  };

  return (next) => (request, ctx) => verified(ctx).then((inner) => next(request, inner));
}

/** Made once, since strangers call by the thousand. */
function unauthorizedFor(realm: string): KitError {
  const quoted = realm.replaceAll(/["\\]/g, "\\$&");
  const headers = { "www-authenticate": `Basic realm="${quoted}", charset="UTF-8"` };
  return Object.assign(refusal("unauthenticated", "Unauthorized"), { headers: () => headers });
}
