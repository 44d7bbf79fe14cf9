import type { EventEmitter } from "node:events";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { Readable, pipeline } from "node:stream";
import { joinConnection, leaveConnection } from "./connection.ts";
import { discard } from "./discard.ts";
import { goneError, IncomingRequest, jsonOf, type Reading } from "./incoming.ts";
import { linger } from "./linger.ts";
import { endInOneWrite } from "./one-write.ts";
import { bodyLength, type HttpReply } from "./reply.ts";

export type NodeMessage = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** A request from Node's own servers, without a WHATWG object in between: those would cost more than all the rest. */
export class NodeRequest extends IncomingRequest {
  readonly #message: NodeMessage;
  readonly #response: NodeResponse;
  readonly #connection: EventEmitter;

  constructor(message: NodeMessage, response: NodeResponse, reading: Reading) {
    super(reading);
    this.#message = message;
    this.#response = response;
    this.#connection = isHttp2(message) ? message.stream : message.socket;
    joinConnection(this.#connection, this);
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
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  bytes(): Promise<Buffer> {
    return this.#read((body) => body);
  }

  override json(): Promise<unknown> {
    return this.#read(jsonOf);
  }

  /** Made into a value where it arrives: one turn of the queue less. */
  #read<T>(convert: (body: Buffer) => T): Promise<T> {
    const message = this.#message;
    const { maxBytes } = this.limits;
    return new Promise((resolve, reject) => {
      let first: Buffer | undefined;
      let more: Buffer[] | undefined;
      let length = 0;
      const stop = (error: Error): void => {
        this.arrived();
        message.off("data", take).resume();
        reject(error);
      };
      const take = (chunk: Buffer): void => {
        length += chunk.length;
        if (length > maxBytes) stop(this.tooLarge());
        else if (first === undefined) first = chunk;
        else (more ??= [first]).push(chunk);
      };
      if (Number(message.headers["content-length"]) > maxBytes) return stop(this.tooLarge());
      this.arriving(stop);
      message.on("data", take);
      message.on("end", () => {
        // On HTTP/2 a body that is broken off ends like a whole one.
        if (message.aborted) return stop(goneError());
        this.arrived();
        try {
          // Most bodies come in one piece, which is then not copied.
          resolve(convert(more === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(more, length)));
        } catch (error) {
          stop(error as Error);
        }
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

  override end(): void {
    leaveConnection(this.#connection, this);
    super.end();
  }

  send(reply: HttpReply): void {
    // The pair of http2 is made to be used like this one.
    const message = this.#message as IncomingMessage;
    const response = this.#response as ServerResponse;
    if (response.destroyed) return this.end();
    const { status, headers, body } = reply;
    const http1 = !isHttp2(this.#message);
    const length = bodyLength(reply);
    if (length !== undefined && status !== 204) headers["content-length"] = String(length);
    if (this.refused && http1) headers["connection"] = "close";
    try {
      response.writeHead(status, headers as OutgoingHttpHeaders);
    } catch {
      // A hook wrote a header that cannot be sent; what it was meant to say is not for the caller.
      response.writeHead(500).end();
      return this.end();
    }
    if (typeof body === "object" && !(body instanceof Uint8Array)) {
      if (message.method !== "HEAD") {
        pipeline(Readable.from(body), response, () => this.end());
        return;
      }
      void discard(body);
      response.end();
      return this.end();
    }
    // As many bytes as characters: then none is beyond ASCII, and there is nothing to encode.
    const encoding = typeof body === "string" && body.length === length ? "latin1" : "utf8";
    if (!http1 || body === undefined) {
      response.end(body, encoding);
    } else if (this.refused) {
      response.write(body, encoding);
      linger(message, response);
    } else {
      endInOneWrite(response, body, encoding);
    }
    this.end();
  }

  drop(): void {
    this.#response.destroy();
    this.end();
  }
}

/** The version that the request names is no sign: on a connection of HTTP/1 it may be any. */
function isHttp2(message: NodeMessage): message is Http2ServerRequest {
  return "stream" in message;
}
