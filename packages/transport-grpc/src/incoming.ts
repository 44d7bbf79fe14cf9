import type { Readable, Writable } from "node:stream";
import { Metadata, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import type { Context } from "@kit/endpoint";
import type { IncomingCall } from "@kit/transport";
import type { GrpcReply, GrpcRequest } from "./handler.ts";
import { headerOf, metadataOf } from "./metadata.ts";
import { IncomingMessages, writeAll } from "./stream.ts";

/** A call of grpc-js, whichever of its four kinds. */
export type AnyServerCall = Omit<ServerUnaryCall<any, any>, "request"> & { readonly request?: unknown };

/** What a call answers by when its reply is a stream. */
type ReplyStream = Writable & { end(trailers?: Metadata): void };

/** A call on its way in: what hooks see of it, and how it is answered. */
export class Incoming implements GrpcRequest {
  readonly path: string;
  readonly body: unknown;
  readonly #call: AnyServerCall;
  /** Missing where the reply is a stream. */
  readonly #callback: sendUnaryData<any> | undefined;
  /** Where the request is a stream. */
  readonly #messages: IncomingMessages | undefined;
  #inHand: IncomingCall | undefined = undefined;
  #answered = false;

  constructor(call: AnyServerCall, callback: sendUnaryData<any> | undefined) {
    this.#call = call;
    this.#callback = callback;
    this.path = call.getPath();
    if ("request" in call) {
      this.body = call.request;
    } else {
      const stream = call as unknown as Readable;
      // What a reader leaves is not read any more, and so holds its sender up, until the call ends.
      const messages = new IncomingMessages(stream, () => {});
      stream.on("end", () => messages.end());
      this.body = this.#messages = messages;
    }
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  get peer(): string {
    return this.#call.getPeer();
  }

  get streams(): boolean {
    return this.#callback === undefined || this.#messages !== undefined;
  }

  /** How long the caller still waits, in ms. */
  get leftMs(): number {
    return Number(this.#call.getDeadline()) - Date.now();
  }

  /** Missing where the call was refused before it began. */
  get context(): Context | undefined {
    return this.#inHand?.context;
  }

  header(name: string): string | undefined {
    return headerOf(this.metadata, name);
  }

  /** Ends with the call, and the call with its caller. */
  begin(inHand: IncomingCall): void {
    this.#inHand = inHand;
    const { context } = inHand;
    this.#call.on("cancelled", () => {
      // It comes at the end of each call, also of one that went well.
      if (this.#answered) return;
      // A deadline that has passed is the truer reason.
      if (context.cancelled === undefined) inHand.cancel();
      else inHand.look();
    });
    if (this.#messages !== undefined) context.onCancel((cause) => this.#messages!.cut(cause));
  }

  /** @returns when the other side has taken all of the reply. */
  answer(reply: GrpcReply): void | Promise<void> {
    // Nothing is sent before all of it is known to be sayable.
    const headers = metadataOf(reply.headers);
    const trailers = metadataOf(reply.trailers);
    const streamed = this.#callback === undefined && reply.status === undefined;
    if (streamed || headers !== undefined) this.#call.sendMetadata(headers ?? new Metadata());
    if (reply.status !== undefined) return this.#fail(reply.status, trailers);
    if (this.#callback !== undefined) {
      this.#answered = true;
      return this.#callback(null, reply.body, trailers);
    }
    return this.#stream(reply.body, trailers);
  }

  #fail({ code, message }: NonNullable<GrpcReply["status"]>, metadata: Metadata | undefined): void {
    this.#answered = true;
    const status = { code, details: message, ...(metadata !== undefined && { metadata }) };
    if (this.#callback !== undefined) this.#callback(status);
    // Behind what was written already.
    else this.#call.emit("error", status);
  }

  async #stream(messages: AsyncIterable<unknown>, trailers: Metadata | undefined): Promise<void> {
    const call = this.#call as unknown as ReplyStream;
    const inHand = this.#inHand!;
    await writeAll(messages, call, (work) => {
      const { cancelled } = inHand.context;
      return cancelled === undefined ? inHand.until(work) : Promise.reject(cancelled);
    });
    this.#answered = true;
    call.end(trailers);
  }
}
