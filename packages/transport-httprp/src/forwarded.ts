import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { TLSSocket } from "node:tls";

const names = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"] as const;

/**
 * Tells the origin who asked, for which host and how. What the caller itself says of that stays only if it is trusted, as another proxy in front would be; its own
 * address is then added to the list.
 */
export function setForwarded(message: IncomingMessage | Http2ServerRequest, trusted: boolean): void {
  const headers: IncomingHttpHeaders = message.headers;
  if (!trusted) for (const name of [...names, "forwarded", "x-real-ip"]) delete headers[name];
  const [before, host, proto] = names.map((name) => headers[name]);
  const peer = message.socket.remoteAddress ?? "unknown";
  headers["x-forwarded-for"] = before === undefined ? peer : `${String(before)}, ${peer}`;
  headers["x-forwarded-host"] = host ?? headers[":authority"] ?? headers.host ?? "";
  headers["x-forwarded-proto"] = proto ?? ((message.socket as TLSSocket).encrypted ? "https" : "http");
}
