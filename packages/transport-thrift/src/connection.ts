import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { type Context, inject, isKitError, KitError, refusal } from "@kit/endpoint";
import { until } from "@kit/service";
import { limit, PendingCalls, timeoutText } from "@kit/transport";
import { readApplicationException } from "./application-exception.ts";
import { ByteOutput } from "./byte-output.ts";
import { type ClientRequest, ClientResponse } from "./client-message.ts";
import type { ThriftCodec } from "./codec.ts";
import { type Dialect, type Frame, type ThriftFraming, writeFrame } from "./frame.ts";
import { timeoutHeader } from "./handler.ts";
import { Inbox } from "./inbox.ts";
import { messageType, protocolInput, protocolOutput, type ThriftProtocol } from "./protocol.ts";

export interface ThriftConnectionOptions {
  /** `host:port`, as instancers say it, with an IPv6 address in brackets; or the path of a Unix socket, beginning with `/`. */
  readonly address: string;
  /** Speaks TLS, with settings of Node's `tls.connect`: `ca`, `cert`, `servername`, … @default plain TCP */
  readonly tls?: ConnectionOptions;
  /** @default "binary" — every peer has it, and it is the fastest here */
  readonly protocol?: ThriftProtocol;
  /** @default "header" — deadlines, errors and traces cross by it. A peer without THeader needs `framed`, or `buffered` as go-kit's addsvc by default */
  readonly framing?: ThriftFraming;
  /** The longest message sent or taken, in bytes. @default 16_384_000 — that of all Thrift libraries */
  readonly maxBytes?: number;
  /** The longest that a call waits for its reply, in ms, whatever its context says; `Infinity` for no bound. @default 60_000 — no server of ours works longer */
  readonly timeoutMs?: number;
  /** How long connecting may take, in ms. @default 5_000 — a dead host should cost an attempt, not the call */
  readonly connectTimeoutMs?: number;
  /** The longest pause after a failed attempt to connect, in ms, during which calls fail at once; the first is a hundredth of it, each is drawn at random. @default 5_000 */
  readonly maxBackoffMs?: number;
}

/** One connection to a server, made when first used and again when it is lost, for all clients that are given it. */
export interface ThriftConnection extends AsyncDisposable {
  /** For clients: takes a call to the server and back. */
  call(codec: ThriftCodec, request: ClientRequest, ctx: Context): Promise<ClientResponse>;
  /** Ends the calls in hand with `unavailable` and closes the connection. Idempotent. */
  close(): Promise<void>;
}

/** More than this waiting for the server to take it, in bytes, and further calls are refused. */
const mostUnsent = 67_108_864;
const longestId = 0x7fff_ffff;
const structType = 12;

const closedError = (): KitError => refusal("unavailable", "thrift: the client is closed", { notSent: true });

/**
 * A connection to one server.
 *
 * @throws {TypeError} for an address that is none, or a limit that is not a positive number.
 */
export function thriftConnection(options: ThriftConnectionOptions): ThriftConnection {
  const { protocol = "binary", framing = "header" } = options;
  if (!["binary", "compact", "json"].includes(protocol))
    throw new TypeError(`protocol must be "binary", "compact" or "json", got ${protocol}`);
  if (!["header", "framed", "buffered"].includes(framing))
    throw new TypeError(`framing must be "header", "framed" or "buffered", got ${framing}`);
  const maxBytes = limit("maxBytes", options.maxBytes, 16_384_000);
  const timeoutMs = limit("timeoutMs", options.timeoutMs, 60_000);
  const connectTimeoutMs = limit("connectTimeoutMs", options.connectTimeoutMs, 5_000);
  const maxBackoffMs = limit("maxBackoffMs", options.maxBackoffMs, 5_000);
  const dial = dialler(options);
  const dialect: Dialect = { protocol, framing };

  let link: Link | undefined;
  let opening: Promise<Link> | undefined;
  let dialling: Socket | undefined;
  let closed = false;
  let failures = 0;
  let notBefore = 0;
  let lastFailure: unknown;

  const open = (): Promise<Link> => {
    if (performance.now() < notBefore)
      return Promise.reject(
        refusal("unavailable", "thrift: cannot connect, and it is too early to try again", {
          cause: lastFailure,
          notSent: true,
        }),
      );
    return new Promise<Link>((resolve, reject) => {
      const socket = dial();
      dialling = socket;
      const settle = (): void => {
        clearTimeout(timer);
        socket.off("error", fail).off("close", onClose);
        dialling = undefined;
        opening = undefined;
      };
      const fail = (cause: NodeJS.ErrnoException): void => {
        settle();
        // Node may still say something of it.
        socket.on("error", () => {}).destroy();
        lastFailure = cause;
        const pauseMs = Math.min(maxBackoffMs, (maxBackoffMs / 100) * 2 ** failures++);
        notBefore = performance.now() + pauseMs * (0.5 + Math.random() / 2);
        const why = `thrift: cannot connect${cause.code === undefined ? "" : ` (${cause.code})`}`;
        reject(closed ? closedError() : new KitError("unavailable", why, { cause, notSent: true }));
      };
      const onClose = (): void => fail(new Error("the connection closed"));
      const timer = setTimeout(() => fail(new Error("it took too long")), connectTimeoutMs);
      socket.on("error", fail).on("close", onClose);
      socket.once(options.tls === undefined ? "connect" : "secureConnect", () => {
        settle();
        failures = 0;
        const opened = (link = new Link(socket, dialect, maxBytes, timeoutMs));
        socket.on("close", () => {
          if (link === opened) link = undefined;
        });
        resolve(opened);
      });
    });
  };
  const close = async (): Promise<void> => {
    closed = true;
    dialling?.destroy();
    link?.close(closedError());
  };

  return {
    call(codec, request, ctx) {
      if (closed) return Promise.reject(closedError());
      if (link?.open) return link.call(codec, request, ctx);
      return until(ctx, (opening ??= open())).then((opened) => opened.call(codec, request, ctx));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Makes sockets to one place. @throws {TypeError} when it is none. */
function dialler({ address, tls }: ThriftConnectionOptions): () => Socket {
  if (typeof address === "string" && address.startsWith("/"))
    return () => (tls === undefined ? connectTcp(address) : connectTls({ ...tls, path: address }));
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535)
    throw new TypeError(`address must be "host:port" or a path, got "${address}"`);
  return () =>
    tls === undefined
      ? connectTcp({ host, port })
      : connectTls({ ...(isIP(host) === 0 && { servername: host }), ...tls, host, port });
}

/** A connection that stands, and the calls that wait on it. */
class Link {
  readonly #socket: Socket;
  readonly #dialect: Dialect;
  readonly #maxBytes: number;
  readonly #pending: PendingCalls<number, ClientResponse>;
  /** What each reply that may still come is read with. */
  readonly #codecs = new Map<number, ThriftCodec>();
  readonly #inbox: Inbox;
  readonly #output = new ByteOutput();
  #flushing = false;
  #lastId = 0;

  constructor(socket: Socket, dialect: Dialect, maxBytes: number, timeoutMs: number) {
    this.#socket = socket;
    this.#dialect = dialect;
    this.#maxBytes = maxBytes;
    this.#pending = new PendingCalls(timeoutMs);
    this.#inbox = new Inbox(maxBytes);
    socket.setNoDelay(true);
    // Where a host has gone without a word, the kernel finds out in the end.
    socket.setKeepAlive(true, 30_000);
    let cause: Error | undefined;
    socket.on("error", (error) => (cause = error));
    socket.on("close", () => this.close(new KitError("unavailable", "thrift: the connection broke", { cause })));
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  get open(): boolean {
    return this.#socket.writable;
  }

  /** Ends the calls in hand with that error. */
  close(error: KitError): void {
    this.#socket.destroy();
    this.#codecs.clear();
    this.#pending.failAll(error);
  }

  call(codec: ThriftCodec, request: ClientRequest, ctx: Context): Promise<ClientResponse> {
    try {
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
      const id = this.#write(codec, request, ctx);
      if (codec.oneway) return Promise.resolve(new ClientResponse(undefined, undefined));
      this.#codecs.set(id, codec);
      return this.#pending.wait(id, ctx, () => this.#codecs.delete(id));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @returns the call's id. */
  #write(codec: ThriftCodec, { headers, args }: ClientRequest, ctx: Context): number {
    if (!this.open) throw new KitError("unavailable", "thrift: the connection broke", { notSent: true });
    if (this.#socket.writableLength + this.#output.length > mostUnsent)
      throw refusal("unavailable", "thrift: the server does not take what is sent", { notSent: true });
    const id = this.#nextId();
    if (this.#dialect.framing === "header") {
      const left = timeoutText(ctx);
      if (left !== undefined) headers[timeoutHeader] = left;
      inject(ctx, (name, value) => {
        headers[name] = value;
      });
    }
    const start = this.#output.length;
    const length = writeFrame(this.#output, this.#dialect, id, headers, () =>
      codec.writeCall(protocolOutput(this.#dialect.protocol, this.#output), id, args),
    );
    if (length > this.#maxBytes) {
      this.#output.length = start;
      throw new KitError("resource_exhausted", `thrift: a request of ${length} bytes, over ${this.#maxBytes}`, {
        notSent: true,
      });
    }
    if (!this.#flushing) {
      this.#flushing = true;
      process.nextTick(this.#flush);
    }
    return id;
  }

  #nextId(): number {
    do this.#lastId = this.#lastId === longestId ? 1 : this.#lastId + 1;
    while (this.#codecs.has(this.#lastId));
    return this.#lastId;
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    if (!this.#socket.destroyed) this.#socket.write(this.#output.take());
  };

  #take(chunk: Buffer): void {
    try {
      this.#inbox.push(chunk);
      while (this.#inbox.next(this.#read) !== undefined);
    } catch (cause) {
      const tooLong = isKitError(cause) && cause.code === "resource_exhausted";
      this.close(
        tooLong
          ? refusal("resource_exhausted", `thrift: a reply of more than ${this.#maxBytes} bytes`, { cause })
          : refusal("unavailable", "thrift: the server sent what is no Thrift", { cause }),
      );
    }
  }

  readonly #read = (frame: Frame): true => {
    const input = protocolInput(frame.protocol, frame.bytes);
    const { fname, mtype, rseqid } = input.readMessageBegin();
    if (mtype !== messageType.reply && mtype !== messageType.exception)
      throw refusal("invalid_argument", `thrift: a message of type ${mtype}, which is no reply`);
    const codec = this.#codecs.get(rseqid);
    if (codec === undefined) {
      // Nobody waits any more, or ever did; without frames its end must still be found.
      if (frame.framing === "buffered") input.skip(structType);
      return true;
    }
    if (fname !== codec.name && mtype === messageType.reply)
      throw refusal("invalid_argument", `thrift: a reply to ${fname.slice(0, 64)} instead of ${codec.name}`);
    input.big = codec.big;
    const response = readResponse(codec, frame, mtype, input);
    this.#codecs.delete(rseqid);
    this.#pending.settle(rseqid, response);
    return true;
  };
}

function readResponse(
  codec: ThriftCodec,
  frame: Frame,
  mtype: number,
  input: ReturnType<typeof protocolInput>,
): ClientResponse {
  const { headers } = frame;
  if (mtype === messageType.exception)
    return new ClientResponse(
      undefined,
      readApplicationException(input, (name) => headers.get(name)),
      headers,
    );
  try {
    const { value, error } = codec.readReply(input);
    return new ClientResponse(value, error, headers);
  } catch (cause) {
    if (frame.framing === "buffered") throw cause;
    const unfit = refusal("internal", `thrift: ${codec.name}: the result does not fit the IDL`, { cause });
    return new ClientResponse(undefined, isKitError(cause) ? cause : unfit, headers);
  }
}
