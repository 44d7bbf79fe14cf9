import { type KitError, refusal } from "@kit/endpoint";

/** The refusals of one parser. The caller learns whether a token was there, which it knows, and nothing else; why is in `cause`. */
export interface Refusals {
  /** There was no token. Made once, since strangers call by the thousand. */
  readonly missing: KitError;
  /** @param why - in go-kit's words. */
  invalid(why: string, cause?: unknown): KitError;
}

/**
 * @param realm - RFC 6750 asks for at least one parameter in a challenge, and for no `error` where no token came.
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-3
 */
export function refusals(realm: string): Refusals {
  const challenge = `Bearer realm="${realm.replaceAll(/["\\]/g, "\\$&")}"`;
  const told = headersOf(challenge);
  const toldInvalid = headersOf(`${challenge}, error="invalid_token"`);
  return {
    missing: refused("token up for parsing was not passed through the context", undefined, told),
    invalid: (why, cause) => refused(why, cause, toldInvalid),
  };
}

type Headers = Readonly<Record<string, string>>;

function headersOf(challenge: string): () => Headers {
  const headers = { "www-authenticate": challenge };
  return () => headers;
}

/** The transports over HTTP send an error's own headers. */
function refused(why: string, cause: unknown, headers: () => Headers): KitError {
  const reason = refusal("unauthenticated", why, { cause });
  return Object.assign(refusal("unauthenticated", "JWT was invalid", { cause: reason }), { headers });
}
