import { type JsonWebKey, KeyObject, type webcrypto } from "node:crypto";
import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { isHmac, type JwtAlgorithm } from "./algorithm.ts";

/** A secret as bytes, or a key of any kind. PEM text becomes one by Node's `createPublicKey` and `createPrivateKey`. */
export type JwtKey = Uint8Array | KeyObject | webcrypto.CryptoKey | JsonWebKey;

/** Public keys, each with its `kid`. @see https://www.rfc-editor.org/rfc/rfc7517#section-5 */
export interface JwtKeySet {
  readonly keys: readonly JsonWebKey[];
}

/** A token's header. Nothing of it is verified when the key is looked for: do not use it as a path, an address or a query. */
export interface JwtHeader {
  readonly alg?: string;
  readonly kid?: string;
  readonly typ?: string;
  readonly [parameter: string]: unknown;
}

/**
 * Finds the key for a token. What it throws refuses the token, except a `KitError`, which is handed on: `unavailable` says that the keys, not the
 * token, are the trouble.
 *
 * @see go-kit auth/jwt, Keyfunc
 */
export type JwtKeyFinder = (header: JwtHeader) => JwtKey | Promise<JwtKey>;

/**
 * Makes a key ready. A raw secret is imported once for each algorithm; jose would do so for each token, which makes up most of its cost.
 *
 * @throws {TypeError} when the key does not fit the algorithms: a public key that serves as a secret is the oldest hole in JWT.
 */
export function readyKey(
  option: string,
  key: JwtKey | JwtKeySet | JwtKeyFinder,
  algorithms: readonly JwtAlgorithm[],
  asymmetric: "public" | "private",
): JwtKeyFinder {
  if (typeof key === "function") return key;
  const wanted = isHmac(algorithms[0]!) ? "secret" : asymmetric;
  const kind = kindOf(key);
  if (kind !== wanted) {
    throw new TypeError(
      `${option} must be a ${wanted} key for ${algorithms.join(", ")}, got a ${kind ?? "value of no"} kind`,
    );
  }
  if (key instanceof Uint8Array) return importedSecret(option, key);
  if (key instanceof KeyObject && kind === "secret") return importedSecret(option, key.export());
  if ("keys" in key) return fromSet(option, key);
  // A copy, since jose freezes what it caches by.
  const own = "kty" in key ? { ...key } : key;
  return () => own;
}

function fromSet(option: string, keys: object): JwtKeyFinder {
  try {
    return createLocalJWKSet(keys as JSONWebKeySet);
  } catch (cause) {
    throw new TypeError(`${option} must have a list of keys`, { cause });
  }
}

function kindOf(key: JwtKey | JwtKeySet): string | undefined {
  if (key instanceof Uint8Array) return "secret";
  if (typeof key !== "object" || key === null) return undefined;
  if ("keys" in key) return "public";
  if ("type" in key) return key.type as string;
  const { kty, d } = key;
  return kty === undefined ? undefined : kty === "oct" ? "secret" : d === undefined ? "public" : "private";
}

function importedSecret(option: string, key: Uint8Array): JwtKeyFinder {
  const secret = Uint8Array.from(key);
  if (secret.length === 0) throw new TypeError(`${option} must not be empty`);
  if (Buffer.from(secret.subarray(0, 10)).toString() === "-----BEGIN") {
    throw new TypeError(`${option} is PEM text, which is no secret: use createPublicKey or createPrivateKey`);
  }
  const imported = new Map<string, Promise<JwtKey>>();
  return ({ alg }) => {
    const name = alg as JwtAlgorithm;
    let ready = imported.get(name);
    if (ready === undefined) {
      const hmac = { name: "HMAC", hash: `SHA-${name.slice(2)}` };
      imported.set(name, (ready = crypto.subtle.importKey("raw", secret, hmac, false, ["sign", "verify"])));
    }
    return ready;
  };
}
