import { type KitError, refusal } from "@kit/endpoint";
import { createLocalJWKSet, errors } from "jose";
import type { JwtHeader, JwtKey, JwtKeyFinder } from "./key.ts";

export interface RemoteJwksOptions {
  /** Where the issuer publishes its keys, usually `https://<issuer>/.well-known/jwks.json`. */
  readonly url: string | URL;
  /** Sent with each fetch. @default none but `accept` */
  readonly headers?: Readonly<Record<string, string>>;
  /** After this the keys are fetched anew, while the ones at hand serve on, in ms. @default 600_000, so that a withdrawn key is soon gone */
  readonly cacheMs?: number;
  /** How long keys serve past `cacheMs` while the issuer cannot be reached, in ms. @default 3_600_000, since its outage should not be everybody's */
  readonly maxStaleMs?: number;
  /** The least time between two fetches, in ms, so that tokens with invented `kid`s do not load the issuer; after one that failed it is a second. @default 30_000 */
  readonly cooldownMs?: number;
  /** How long one fetch may take, body and all, in ms. @default 5_000 */
  readonly timeoutMs?: number;
  /** A longer answer is cut off and counts as a failure. @default 262_144, some hundred keys */
  readonly maxBytes?: number;
  /** Hears of each fetch that failed. @default nobody hears */
  readonly onError?: (error: unknown) => void;
  /** @default the platform's fetch */
  readonly fetch?: typeof globalThis.fetch;
  /** A clock in ms, which should be monotonic. @default performance.now */
  readonly now?: () => number;
}

/** How soon a failed fetch is tried again. */
const retryMs = 1_000;

/**
 * The public keys that an issuer publishes, for a parser's `key`. They are fetched when first needed, when they grow old, and when a token names a key that
 * is not among them (a rotation); calls share a fetch. What jose's own does not do: answers are bounded, an outage has a cooldown, too, and the last good
 * keys outlive it.
 *
 * It holds no timer and nothing else to be closed, but for a fetch under way.
 *
 * @throws {KitError} the finder throws `unavailable` while there are no keys to judge by, the failure in `cause`: the token may well be good.
 * @throws {TypeError} for an option that makes no sense.
 * @see https://www.rfc-editor.org/rfc/rfc7517#section-5
 */
export function remoteJwks(options: RemoteJwksOptions): JwtKeyFinder {
  const { onError, now = () => performance.now() } = options;
  const { cacheMs = 600_000, maxStaleMs = 3_600_000, cooldownMs = 30_000 } = options;
  checkMs({ cacheMs, maxStaleMs, cooldownMs });
  const load = loader(options);

  let find: Find | undefined;
  let loadedAt = -Infinity;
  let nextAt = -Infinity;
  let failure: unknown;
  let loading: Promise<void> | undefined;

  function tell(error: unknown): void {
    try {
      onError?.(error);
    } catch {
      // A hook that fails is no reason to fail the calls.
    }
  }

  /** Joins the fetch under way, or begins one: for good keys that are old at once, else when the cooldown lets it. It never rejects. */
  function refresh(): Promise<void> {
    if (loading !== undefined) return loading;
    const old = failure === undefined && now() - loadedAt >= cacheMs;
    if (!old && now() < nextAt) return Promise.resolve();
    nextAt = now() + cooldownMs;
    loading = load()
      .then((keys) => {
        find = keys;
        loadedAt = now();
        failure = undefined;
      })
      .catch((error: unknown) => {
        failure = error;
        nextAt = now() + Math.min(cooldownMs, retryMs);
        tell(error);
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  }

  return async (header) => {
    const age = now() - loadedAt;
    const refreshed = age >= cacheMs ? refresh() : undefined;
    if (age >= cacheMs + maxStaleMs) await refreshed;
    if (find === undefined || (failure !== undefined && now() - loadedAt >= cacheMs + maxStaleMs)) {
      throw unavailable(failure);
    }
    try {
      return await find(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await refresh();
    // Whether the key exists cannot be told while the issuer is away.
    if (failure !== undefined) throw unavailable(failure);
    return find(header);
  };
}

type Find = (header: JwtHeader) => Promise<JwtKey>;

function checkMs(options: Readonly<Record<string, number>>): void {
  for (const [name, ms] of Object.entries(options)) {
    if (!(ms >= 0)) throw new TypeError(`remoteJwks: ${name} must not be negative, got ${ms}`);
  }
}

function unavailable(cause: unknown): KitError {
  return refusal("unavailable", "the keys for JWTs are not available", { cause });
}

/** Fetches the keys once, in bounded time and memory. */
function loader(options: RemoteJwksOptions): () => Promise<Find> {
  const { headers, timeoutMs = 5_000, maxBytes = 262_144, fetch = globalThis.fetch } = options;
  const url = String(options.url);
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new TypeError(`remoteJwks: url must be an address of http or https, got ${JSON.stringify(url)}`);
  }
  if (!(timeoutMs > 0)) throw new TypeError(`remoteJwks: timeoutMs must be a positive number, got ${timeoutMs}`);
  if (!(maxBytes > 0)) throw new TypeError(`remoteJwks: maxBytes must be a positive number, got ${maxBytes}`);
  return async () => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error(`no key set within ${timeoutMs} ms`)), timeoutMs);
    try {
      // An issuer that moves says so in its metadata; a redirect may lead anywhere.
      const init: RequestInit = {
        headers: { accept: "application/jwk-set+json, application/json", ...headers },
        redirect: "error",
        signal: controller.signal,
      };
      const response = await fetch(url, init);
      if (response.status !== 200) throw new Error(`the key set came with status ${response.status}`);
      return createLocalJWKSet(JSON.parse(await textOf(response, maxBytes)));
    } finally {
      clearTimeout(timer);
      // Lets go of a body that was not read to its end.
      controller.abort();
    }
  };
}

async function textOf(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new Error(`the key set is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
