import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";
import { encodeError, type HttpReply } from "@kit/transport-http";

/** Answers with the error in the origin's place; a response that has begun can only be broken off. */
export function writeError(response: ServerResponse | Http2ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers, body } = replyOf(error);
  (response as ServerResponse).writeHead(status, headers as Record<string, string>).end(body);
}

/** The same where a WebSocket was asked for, and there is only the socket. */
export function writeErrorTo(socket: Duplex, error: unknown): void {
  const { status, headers, body } = replyOf(error);
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`, ...lines, "", body].join("\r\n"));
}

function replyOf(error: unknown): HttpReply & { readonly body: string } {
  const reply: HttpReply = { status: 500, headers: {}, body: undefined };
  encodeError(error, reply);
  const body = reply.body as string;
  reply.headers["content-length"] = String(Buffer.byteLength(body));
  return { ...reply, body };
}
