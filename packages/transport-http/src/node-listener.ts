import type { IncomingMessage, OutgoingHttpHeader, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { Readable, pipeline } from "node:stream";
import { type KitError, refusal } from "@kit/endpoint";
import { IncomingRequest, type Reading } from "./incoming.ts";
import { bodyLength, type HttpHeaders, type HttpReply } from "./reply.ts";

export type NodeMessage = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** A request from Node's own servers, without a WHATWG object in between: those would cost more than all the rest. */
class NodeRequest extends IncomingRequest {
  readonly #message: NodeMessage;

  constructor(message: NodeMessage, reading: Reading) {
    super(reading);
    this.#message = message;
  }

  get method(): string {
    return this.#message.method!;
  }

  get url(): string {
    return this.#message.url!;
  }

  get headerCount(): number {
    return this.#message.rawHeaders.length / 2;
  }

  get peer(): string | undefined {
    return this.#message.socket?.remoteAddress;
  }

  header(name: string): string | undefined {
    // Node builds its table of headers when first asked, so it is asked only for those that came.
    if (this.#raw(name) === undefined) return undefined;
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  #raw(name: string): string | undefined {
    const { rawHeaders } = this.#message;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const raw = rawHeaders[i]!;
      if (raw.length === name.length && raw.toLowerCase() === name) return rawHeaders[i + 1];
    }
    return undefined;
  }

  bytes(): Promise<Buffer> {
    const message = this.#message;
    const { maxBytes } = this.limits;
    return new Promise((resolve, reject) => {
      if (Number(this.#raw("content-length")) > maxBytes) {
        message.resume();
        reject(this.tooLarge());
        return;
      }
      let first: Buffer | undefined;
      let more: Buffer[] | undefined;
      let length = 0;
      const stop = (error: Error): void => {
        this.bodies.delete(arriving);
        message.off("data", take).resume();
        reject(error);
      };
      const arriving = { since: performance.now(), late: () => stop(this.tooSlow()) };
      const take = (chunk: Buffer): void => {
        length += chunk.length;
        if (length > maxBytes) stop(this.tooLarge());
        else if (first === undefined) first = chunk;
        else (more ??= [first]).push(chunk);
      };
      this.bodies.add(arriving);
      message.on("data", take);
      message.on("error", (cause) => stop(goneError(cause)));
      message.on("end", () => {
        // On HTTP/2 a body that is broken off ends like a whole one.
        if (message.aborted) return stop(goneError());
        this.bodies.delete(arriving);
        // Most bodies come in one piece, which is then not copied.
        resolve(more === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(more, length));
      });
    });
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#message;
    } catch (cause) {
      throw goneError(cause);
    }
  }
}

function goneError(cause?: unknown): KitError {
  return refusal("canceled", "body: the caller went away", { cause });
}

/** Serves one request of Node's: cancels the call when the caller goes away, and writes the reply in one go. */
export function serveNode(
  message: NodeMessage,
  response: NodeResponse,
  reading: Reading,
  run: (request: IncomingRequest) => Promise<HttpReply>,
): void {
  const request = new NodeRequest(message, reading);
  // Comes in any case: after the reply it lets go of what the call still holds, before it the caller has gone away.
  response.on("close", () => request.end());
  run(request).then(
    (reply) => write(response, reply, request.refused && message.httpVersionMajor === 1),
    () => response.destroy(),
  );
}

function write(response: NodeResponse, reply: HttpReply, close: boolean): void {
  if (response.destroyed) return;
  const { status, headers, body } = reply;
  const length = bodyLength(reply);
  if (length !== undefined && status !== 204) headers["content-length"] = String(length);
  if (close) headers["connection"] = "close";
  try {
    (response as ServerResponse).writeHead(status, flat(headers));
  } catch {
    // A hook wrote a header that cannot be sent; what it was meant to say is not for the caller.
    (response as ServerResponse).writeHead(500).end();
    return;
  }
  // As many bytes as characters: then none is beyond ASCII, and there is nothing to encode.
  if (typeof body === "string") response.end(body, body.length === length ? "latin1" : "utf8");
  else if (body instanceof Uint8Array) response.end(body);
  else if (body === undefined) response.end();
  else pipeline(Readable.from(body), response as ServerResponse, () => {});
}

function flat(headers: HttpHeaders): OutgoingHttpHeader[] {
  const list: OutgoingHttpHeader[] = [];
  for (const name in headers) list.push(name, headers[name] as OutgoingHttpHeader);
  return list;
}
