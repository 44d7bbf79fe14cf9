import type { Socket } from "node:net";
import { isKitError, KitError, refusal } from "@kit/endpoint";
import type { IncomingCall, IncomingCalls } from "@kit/transport";
import { writeApplicationException, writeErrorHeaders } from "./application-exception.ts";
import { Underrun } from "./byte-input.ts";
import { ByteOutput } from "./byte-output.ts";
import type { DecodedCall, ThriftCodec } from "./codec.ts";
import { type Frame, type ThriftFraming, writeFrame } from "./frame.ts";
import { Inbox } from "./inbox.ts";
import { messageType, protocolInput, type ProtocolOutput, protocolOutput } from "./protocol.ts";
import { ThriftReply, type ThriftRequest } from "./request.ts";

/** More than this waiting for the peer to take it, in bytes, and no further call is read. */
const mostUnsent = 1_048_576;

const structType = 12;

/** What answers calls of one method. */
export interface Route {
  readonly codec: ThriftCodec | undefined;
  readonly serve: (request: IncomingRequest) => Promise<void>;
}

/** What all connections of a handler share. */
export interface Serving {
  readonly calls: IncomingCalls;
  readonly maxBytes: number;
  readonly maxCalls: number;
  readonly route: (method: string) => Route;
  /** Hears of what is no call and what is not answered. */
  readonly onError: (error: unknown) => void;
}

/** One call of a connection. */
export class IncomingRequest implements ThriftRequest {
  readonly method: string;
  readonly id: number;
  readonly frame: Frame;
  readonly connection: ServerConnection;
  readonly route: Route;
  readonly answered: boolean;
  args: Readonly<Record<string, unknown>> = {};
  write: DecodedCall["write"] = undefined;
  /** What `write` writes to. */
  output: ProtocolOutput | undefined = undefined;
  call: IncomingCall | undefined = undefined;
  /** Why it cannot be taken. */
  refused: KitError | undefined = undefined;

  constructor(method: string, id: number, answered: boolean, frame: Frame, connection: ServerConnection, route: Route) {
    this.method = method;
    this.id = id;
    this.answered = answered;
    this.frame = frame;
    this.connection = connection;
    this.route = route;
  }

  get framing(): ThriftFraming {
    return this.frame.framing;
  }

  get peer(): string | undefined {
    return this.connection.socket.remoteAddress;
  }

  header(name: string): string | undefined {
    return this.frame.headers.get(name);
  }
}

/** The reply to one call, and whether it is on its way. */
export class OutgoingReply extends ThriftReply {
  readonly request: IncomingRequest;
  written = false;

  constructor(request: IncomingRequest) {
    super();
    this.request = request;
  }
}

/** A connection that a server has taken: reads calls while it may, and writes replies as they come, those of one turn at once. */
export class ServerConnection {
  readonly socket: Socket;
  readonly #serving: Serving;
  readonly #inbox: Inbox;
  readonly #output = new ByteOutput();
  readonly #calls = new Set<IncomingCall>();
  #inHand = 0;
  #reading = true;
  #flushing = false;

  constructor(socket: Socket, serving: Serving) {
    this.socket = socket;
    this.#serving = serving;
    this.#inbox = new Inbox(serving.maxBytes);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#inbox.push(chunk);
      this.#read();
    });
    // What becomes of a peer is no error of ours; the close that follows is enough.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#reading = false;
      for (const call of this.#calls) call.cancel();
    });
  }

  /** Begins a call that ends with the connection. */
  begin(request: IncomingRequest, timeoutMs: number): IncomingCall {
    const call = this.#serving.calls.begin(timeoutMs);
    request.call = call;
    this.#calls.add(call);
    return call;
  }

  /** Puts the reply among what goes out, and lets go of the call. */
  answer(reply: OutgoingReply): void {
    const { call } = reply.request;
    if (call !== undefined) this.#calls.delete(call);
    try {
      this.write(reply);
    } catch (cause) {
      // What an error encoder of the user's has set does not fit; the caller must still hear.
      reply.error = cause;
      this.write(reply);
      throw cause;
    }
  }

  /** Reads no further call. */
  stop(): void {
    this.#reading = false;
    this.socket.pause();
  }

  /** Sends what is left and closes; resolves when the peer has closed too, or the time is over. */
  end(timeoutMs: number): Promise<void> {
    const { socket } = this;
    if (socket.destroyed) return Promise.resolve();
    this.#flush();
    return new Promise((resolve) => {
      const cut = setTimeout(() => socket.destroy(), timeoutMs);
      socket.once("close", () => {
        clearTimeout(cut);
        resolve();
      });
      // Closed with something unread, a socket takes back what it has sent.
      socket.removeAllListeners("data").resume();
      socket.end();
    });
  }

  /** Puts the reply among what goes out, once. What cannot be said is thrown, and then nothing is written. */
  write(reply: OutgoingReply): void {
    const { request } = reply;
    if (!request.answered || reply.written || this.socket.destroyed) return;
    if (reply.error === undefined) this.#writeResult(request, reply);
    else this.#writeError(request, reply);
    reply.written = true;
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(this.#flush);
  }

  #writeResult({ route: { codec }, write, frame, id }: IncomingRequest, { headers, value }: ThriftReply): void {
    const { maxBytes } = this.#serving;
    const start = this.#output.length;
    const length = writeFrame(this.#output, frame, id, headers, () => codec!.writeResult(write!, value));
    if (length <= maxBytes) return;
    this.#output.length = start;
    throw new KitError("resource_exhausted", `thrift: a reply of ${length} bytes, over ${maxBytes}`);
  }

  #writeError(request: IncomingRequest, { headers, error }: ThriftReply): void {
    const { method, id, frame } = request;
    if (this.#writeDeclared(request, headers, error)) return;
    const write = (): void => {
      const output = protocolOutput(frame.protocol, this.#output);
      output.writeMessageBegin(method, messageType.exception, id);
      writeApplicationException(output, error);
      output.writeMessageEnd();
    };
    const withError = { ...headers };
    writeErrorHeaders(error, withError);
    try {
      writeFrame(this.#output, frame, id, withError, write);
    } catch {
      // The headers of a hook are more than can be said.
      writeFrame(this.#output, frame, id, {}, write);
    }
  }

  #writeDeclared(request: IncomingRequest, headers: ThriftReply["headers"], error: unknown): boolean {
    const { route, write, output, frame, id } = request;
    if (write === undefined || isKitError(error)) return false;
    const start = this.#output.length;
    let declared = false;
    try {
      writeFrame(this.#output, frame, id, headers, () => {
        declared = route.codec!.writeDeclared(write, output!, error);
      });
    } catch {
      declared = false;
    }
    if (!declared) this.#output.length = start;
    return declared;
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    if (this.#output.length > 0 && !this.socket.destroyed) this.socket.write(this.#output.take(), this.#goOn);
  };

  readonly #read = (): void => {
    if (!this.#reading) return;
    try {
      while (this.#reading && this.#mayRead()) {
        const request = this.#inbox.next(this.#decode);
        if (request === undefined) {
          if (this.socket.isPaused()) this.socket.resume();
          return;
        }
        this.#inHand++;
        request.route.serve(request).then(this.#done, this.#broken);
      }
      if (this.#reading) this.socket.pause();
    } catch (cause) {
      // Where one message ends and the next begins is unknown from here on.
      this.#reading = false;
      const garbage = isKitError(cause) ? cause : refusal("invalid_argument", "thrift: no message of ours", { cause });
      this.#serving.onError(garbage);
      this.socket.destroy();
    }
  };

  #mayRead(): boolean {
    return this.#inHand < this.#serving.maxCalls && this.socket.writableLength + this.#output.length <= mostUnsent;
  }

  readonly #done = (): void => {
    this.#inHand--;
    this.#goOn();
  };

  /** Something that may have stopped the reading is over. Not `drain`: it does not come for what the kernel takes at once. */
  readonly #goOn = (): void => {
    if (this.socket.isPaused()) this.#read();
  };

  readonly #broken = (error: unknown): void => {
    this.#serving.onError(error);
    this.#done();
  };

  readonly #decode = (frame: Frame): IncomingRequest => {
    const input = protocolInput(frame.protocol, frame.bytes);
    const { fname, mtype, rseqid } = input.readMessageBegin();
    if (mtype !== messageType.call && mtype !== messageType.oneway)
      throw refusal("invalid_argument", `thrift: a message of type ${mtype}, which is no call`);
    const route = this.#serving.route(fname);
    // A oneway method is one by its IDL: Go's clients call it like any other.
    const answered = mtype === messageType.call && route.codec?.oneway !== true;
    const request = new IncomingRequest(fname, rseqid, answered, frame, this, route);
    try {
      if (route.codec === undefined) {
        input.skip(structType);
      } else {
        input.big = route.codec.big;
        request.output = protocolOutput(frame.protocol, this.#output);
        const { args, write } = route.codec.readCall(input, rseqid, request.output);
        request.args = args;
        request.write = write;
      }
    } catch (cause) {
      if (frame.framing === "buffered") throw cause;
      // The next message is where this one's frame ends, so only this call is lost.
      request.refused = isKitError(cause)
        ? cause
        : refusal("invalid_argument", `thrift: ${route.codec?.name ?? "a call"}: ${reason(cause)}`, { cause });
    }
    return request;
  };
}

function reason(cause: unknown): string {
  return cause instanceof Underrun ? cause.message : "the arguments do not fit the IDL";
}
