import { type AnyMiddleware, type Context, isKitError, KitError, refusal } from "@kit/endpoint";
import { type CasbinEnforcer, casbinEnforcer } from "./enforcer.ts";

/** The same for all calls, or made of each call's request and context, where claims are found; also in its own time. */
export type CasbinValue = string | object | ((request: any, ctx: Context) => unknown);

export interface CasbinAuthorizerOptions {
  /** Stays its maker's: nothing here reloads or closes it. */
  readonly enforcer: CasbinEnforcer;
  /** Who: a name, or for ABAC an object with attributes. */
  readonly subject: CasbinValue;
  /** In which tenant, for models with `r = sub, dom, obj, act`. @default none: the model has `r = sub, obj, act` */
  readonly domain?: CasbinValue;
  /** To what. */
  readonly object: CasbinValue;
  /** Does what. */
  readonly action: CasbinValue;
}

// Made once, since strangers call by the thousand.
const unauthorized = refusal("permission_denied", "Unauthorized Access");

/**
 * Lets calls pass that a casbin policy allows; the endpoint is not called for any other. A call of which subject, domain, object or action is missing or empty
 * is refused unasked: casbin itself would compare that with the empty text.
 *
 * @throws {KitError} `permission_denied` "Unauthorized Access", and nothing of the rules.
 * @throws {KitError} `internal` when casbin cannot decide (a matcher that fails, the wrong number of values), its error in `cause`. What the functions throw
 *   comes out as it is.
 * @example
 * chain(jwtParser(...), casbinAuthorizer({ enforcer, subject: (_, ctx) => ctx.get(jwtClaims)?.sub, object: "orders", action: "read" }))(endpoint)
 * @see go-kit auth/casbin/middleware.go, NewEnforcer
 */
export function casbinAuthorizer(options: CasbinAuthorizerOptions): AnyMiddleware {
  const { enforcer, subject, domain, object, action } = options;
  if (typeof enforcer?.enforce !== "function") throw new TypeError("casbinAuthorizer: enforcer must have enforce()");
  const wanted = domain === undefined ? { subject, object, action } : { subject, domain, object, action };
  for (const [name, value] of Object.entries(wanted)) {
    if (isNothing(value)) throw new TypeError(`casbinAuthorizer: ${name} must not be empty`);
  }
  const parts = Object.values(wanted);

  const authorized = async (request: unknown, ctx: Context): Promise<Context> => {
    const values = await Promise.all(parts.map((part) => (typeof part === "function" ? part(request, ctx) : part)));
    if (values.some(isNothing) || !(await decide(enforcer, values))) throw unauthorized;
    if (ctx.cancelled !== undefined) throw ctx.cancelled;
    return ctx.with(casbinEnforcer, enforcer);
  };

  return (next) => (request, ctx) => authorized(request, ctx).then((inner) => next(request, inner));
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

async function decide(enforcer: CasbinEnforcer, values: readonly unknown[]): Promise<boolean> {
  try {
    return await enforcer.enforce(...values);
  } catch (cause) {
    throw isKitError(cause) ? cause : new KitError("internal", "authorization failed", { cause });
  }
}
