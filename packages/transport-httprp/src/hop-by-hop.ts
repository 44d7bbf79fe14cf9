import type { IncomingHttpHeaders } from "node:http";

/** Headers of one connection, not of the message. @see https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
const hopByHop = [
  "connection",
  "proxy-connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "upgrade",
  "http2-settings",
  // Node has answered it already.
  "expect",
];

/**
 * Takes off what concerns one connection only, and what `Connection` names besides: nobody may have the proxy drop a header that it needs. `Transfer-Encoding` is
 * the framing that Node reads and writes itself; taken off a request, its body would follow the head without any.
 */
export function stripHopByHop(headers: IncomingHttpHeaders): void {
  for (const named of (headers.connection ?? "").split(",")) {
    const name = named.trim().toLowerCase();
    if (!kept.has(name)) delete headers[name];
  }
  for (const name of hopByHop) delete headers[name];
}

/** What no caller can have taken off by naming it. */
const kept = new Set(["content-length", "transfer-encoding", "host", "authorization", "cookie"]);
