/** Where requests go: an `http:` or `https:` URL. */
export type Origin = string | URL;

/** @throws {TypeError} for what is no such URL. */
export function originUrl(origin: Origin): URL {
  const url = URL.canParse(String(origin)) ? new URL(String(origin)) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new TypeError(`httprpHandler: origin must be an http or https URL, got "${String(origin)}"`);
}

export function fixedOrigin(origin: Origin): () => URL {
  const url = originUrl(origin);
  return () => url;
}
