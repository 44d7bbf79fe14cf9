import type { Socket } from "node:net";
import { callInfo, type Context, type Endpoint, extract, refusal } from "@kit/endpoint";
import {
  IncomingCalls,
  limit,
  parseTimeout,
  type ServerHooks,
  type ServerOperation,
  serverSteps,
} from "@kit/transport";
import { ThriftCallInfo, type ThriftReply, type ThriftRequest } from "./request.ts";
import {
  type IncomingRequest,
  OutgoingReply,
  type Route,
  ServerConnection,
  type Serving,
} from "./server-connection.ts";
import type { ThriftMethod } from "./service.ts";

/** The time left, in ms, where headers go. */
export const timeoutHeader = "timeout-ms";

export interface CloseThriftOptions {
  /** How long calls in hand may go on, in ms; then they are cancelled. @default 10_000 — under the 30 s that Kubernetes waits before it kills */
  readonly timeoutMs?: number;
}

/**
 * Serves Thrift on the connections it is given: pass it to `net.createServer` or `tls.createServer`. Sockets, TLS and ports stay yours. Binary, compact and JSON, framed,
 * buffered and with headers are told apart by what a peer sends, and answered in kind.
 */
export interface ThriftHandler extends AsyncDisposable {
  (socket: Socket): void;
  /**
   * Reads no further call, lets those in hand finish, sends their replies and closes the connections. Idempotent; the first one's time counts.
   *
   * @returns whether every call in hand could finish.
   */
  close(options?: CloseThriftOptions): Promise<boolean>;
}

/** Bounds on what a caller may cost. */
export interface ThriftServerOptions extends ServerHooks<ThriftRequest, ThriftReply> {
  /** The longest message taken or sent, in bytes. @default 16_384_000 — that of all Thrift libraries */
  readonly maxBytes?: number;
  /** The most calls of one connection in hand; at it nothing more is read from that connection. @default 1_024 */
  readonly maxCalls?: number;
  /** The longest that a call may take, in ms, whatever its caller wants; `Infinity` for no bound. @default 60_000 — proxies give up about then */
  readonly maxTimeoutMs?: number;
  /** Answers methods that this one does not have, on the same connections and under their limits. @default `unimplemented` */
  readonly otherwise?: ThriftHandler;
}

/** One endpoint over Thrift, each step in your hands. */
export interface ThriftHandlerOptions<Request, Response> extends ThriftServerOptions {
  /** Such as `Add.methods.Sum`. */
  readonly method: ThriftMethod;
  /** @default the arguments by name. Throw a `KitError` to refuse a request. */
  readonly decode?: (request: ThriftRequest, ctx: Context) => Request | Promise<Request>;
  /** Sets `reply.value`. @default to the response */
  readonly encode?: (response: Response, reply: ThriftReply, ctx: Context) => void | Promise<void>;
}

/**
 * Serves one endpoint as one method; others are for `otherwise`.
 *
 * @throws {TypeError} for a limit that is not a positive number.
 * @see go-kit/examples addsvc/pkg/addtransport/thrift.go
 */
export function thriftHandler<Request = any, Response = any>(
  endpoint: Endpoint<Request, Response>,
  options: ThriftHandlerOptions<Request, Response>,
): ThriftHandler {
  const { method, decode = argsOf, encode = setValue } = options;
  return handlerOf([{ method, operation: { endpoint, decode, encode } }], options);
}

export function argsOf(request: ThriftRequest): any {
  return request.args;
}

export function setValue(response: unknown, reply: ThriftReply): void {
  reply.value = response;
}

/** What a handler answers one method with. */
export interface Served {
  readonly method: ThriftMethod;
  readonly operation: ServerOperation<ThriftRequest, ThriftReply>;
}

type Find = (method: string) => Route | undefined;

/** Where a handler's methods are found, which only other handlers ask. */
const finders = new WeakMap<object, Find>();

/** Whether it is a handler of ours, among the listeners of a server. */
export function isThriftHandler(listener: object): listener is ThriftHandler {
  return finders.has(listener);
}

/** The listener around one function for each method. */
export function handlerOf(served: readonly Served[], options: ThriftServerOptions): ThriftHandler {
  const maxBytes = limit("maxBytes", options.maxBytes, 16_384_000);
  const maxCalls = limit("maxCalls", options.maxCalls, 1_024);
  const maxTimeoutMs = limit("maxTimeoutMs", options.maxTimeoutMs, 60_000);
  const { otherwise, onError } = options;
  const elsewhere = otherwise === undefined ? undefined : finders.get(otherwise);
  if (otherwise !== undefined && elsewhere === undefined)
    throw new TypeError("otherwise must be what thriftHandler or serveThrift has returned");

  for (const { method } of served)
    if (method?.codec === undefined) throw new TypeError("method must be one of a thriftService");
  const services = new Map(served.map(({ method }) => [method.name, method.service]));
  const openCall = (ctx: Context, request: ThriftRequest): Context =>
    extract(ctx, (name) => request.header(name)).with(
      callInfo,
      new ThriftCallInfo(services.get(request.method) ?? "", request),
    );
  const steps = serverSteps<IncomingRequest, OutgoingReply>(
    { ...(options as ServerHooks<IncomingRequest, OutgoingReply>), before: [openCall, ...(options.before ?? [])] },
    {
      begin(request) {
        const wanted = parseTimeout(timeoutHeader, request.header(timeoutHeader));
        return request.connection.begin(request, Math.min(wanted, maxTimeoutMs));
      },
      newReply: (request) => new OutgoingReply(request),
      encodeError: (error, reply) => {
        reply.error = error ?? nothingThrown;
      },
      send: (reply, request) => request.connection.answer(reply),
    },
  );

  const routes = new Map<string, Route>();
  for (const { method, operation } of served) {
    const whole = written(operation);
    routes.set(method.name, { codec: method.codec, serve: (request) => steps(request, whole) });
  }
  const find: Find = (method) => routes.get(method) ?? elsewhere?.(method);
  const nowhere: Route = { codec: undefined, serve: (request) => steps(request, missing) };

  const calls = new IncomingCalls();
  const connections = new Set<ServerConnection>();
  let closed: Promise<boolean> | undefined;
  const serving: Serving = {
    calls,
    maxBytes,
    maxCalls,
    route: (method) => find(method) ?? nowhere,
    onError(error) {
      try {
        onError?.(error, undefined);
      } catch {
        // Here nobody is left to tell.
      }
    },
  };
  const listener = (socket: Socket): void => {
    if (closed !== undefined) return void socket.destroy();
    const connection = new ServerConnection(socket, serving);
    connections.add(connection);
    socket.on("close", () => connections.delete(connection));
  };
  const close = ({ timeoutMs = 10_000 }: CloseThriftOptions = {}): Promise<boolean> =>
    (closed ??= drain(connections, calls, timeoutMs));
  const handler: ThriftHandler = Object.assign(listener, {
    close,
    [Symbol.asyncDispose]: async () => void (await close()),
  });
  finders.set(handler, find);
  return handler;
}

/** Even `undefined` can be thrown. */
const nothingThrown = refusal("unknown", "internal error");

/** How long a peer may take to read its last replies, in ms. */
const lastWordsMs = 1_000;

async function drain(connections: Set<ServerConnection>, calls: IncomingCalls, timeoutMs: number): Promise<boolean> {
  for (const connection of connections) connection.stop();
  const finished = await calls.drain(timeoutMs);
  await Promise.all([...connections].map((connection) => connection.end(lastWordsMs)));
  return finished;
}

/** The operation, whose result is written while its failure can still be told. */
function written({
  endpoint,
  decode,
  encode,
}: ServerOperation<ThriftRequest, ThriftReply>): ServerOperation<IncomingRequest, OutgoingReply> {
  return {
    endpoint,
    decode(request, ctx) {
      if (request.refused !== undefined) throw request.refused;
      return decode(request, ctx);
    },
    encode(response, reply, ctx) {
      const { connection } = reply.request;
      const encoding = encode(response, reply, ctx);
      if (encoding !== undefined) return encoding.then(() => connection.write(reply));
      connection.write(reply);
      return undefined;
    },
  };
}

const missing: ServerOperation<IncomingRequest, OutgoingReply> = {
  decode({ method }) {
    throw refusal("unimplemented", `thrift: no method ${method.slice(0, 64)}`);
  },
  endpoint: () => Promise.resolve(),
  encode() {},
};
