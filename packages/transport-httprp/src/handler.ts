import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { Agent as HttpsAgent, type AgentOptions } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { background, type Context } from "@kit/endpoint";
import { limit } from "@kit/transport";
import { createProxyServer, type ProxyServerOptions } from "httpxy";
import { originError, timedOut } from "./error.ts";
import { setForwarded } from "./forwarded.ts";
import { stripHopByHop } from "./hop-by-hop.ts";
import { fixedOrigin, type Origin, originUrl } from "./origin.ts";
import { writeError, writeErrorTo } from "./reply.ts";
import { ProxyRequest } from "./request.ts";

export interface HttprpHandlerOptions {
  /** Where requests go, its path before theirs; or what finds that out for each, from a balancer for instance. Throw a `KitError` to refuse a request. */
  readonly origin: Origin | ((request: ProxyRequest, ctx: Context) => Origin | Promise<Origin>);
  /** Run in turn before the origin is found; they may change what is sent, and return another context, which `origin` is given. @see go-kit ServerBefore */
  readonly before?: readonly ((ctx: Context, request: ProxyRequest) => Context | void)[];
  /** Hears why a request could not be passed on: the place for logs. @default nobody hears */
  readonly onError?: (error: unknown, ctx: Context) => void;
  /** How long the origin may take to begin its response, or to accept a WebSocket, in ms; then 504. What has begun may take as long as it likes. @default 60_000 */
  readonly timeoutMs?: number;
  /** The most connections to one origin, WebSockets apart; requests beyond that wait. @default 256 */
  readonly connections?: number;
  /** How long an idle connection to an origin is kept, in ms. @default 4_000 — below the 5 s after which Node's own servers close theirs */
  readonly keepAliveMs?: number;
  /** Whether what the caller says in `X-Forwarded-*` is true, since another proxy of yours has written it. @default false, so that nobody can make up an address */
  readonly trustForwarded?: boolean;
  /** Whether the origin is sent its own name as `Host`, instead of the one that the caller asked for. @default false */
  readonly changeHost?: boolean;
  /** For origins on https: `ca`, `cert`, `key`, `rejectUnauthorized`, … @default Node's */
  readonly tls?: AgentOptions;
}

type NodeRequest = IncomingMessage | Http2ServerRequest;
type NodeResponse = ServerResponse | Http2ServerResponse;

/** Pass it to `http.createServer`, or https's or http2's, and its `upgrade` to the server's event of that name. */
export interface HttprpHandler extends AsyncDisposable {
  (message: NodeRequest, response: NodeResponse): void;
  /** Takes WebSockets to the origin. */
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends the WebSockets and lets go of the connections to origins. Requests in hand are their server's to drain, before. Idempotent. */
  close(): Promise<void>;
}

/**
 * A reverse proxy. Bodies are streamed both ways, and whoever goes away first takes the other's half along.
 *
 * An origin that cannot be reached is answered with 502 `unavailable`, one that does not answer in time with 504 `deadline_exceeded`.
 *
 * @throws {TypeError} when an option is wrong.
 * @see go-kit transport/httprp NewServer
 */
export function httprpHandler(options: HttprpHandlerOptions): HttprpHandler {
  const { origin, before = [], onError, trustForwarded = false, changeHost = false, tls = {} } = options;
  const timeoutMs = limit("httprpHandler: timeoutMs", options.timeoutMs, 60_000);
  const maxSockets = limit("httprpHandler: connections", options.connections, 256);
  const timeout = limit("httprpHandler: keepAliveMs", options.keepAliveMs, 4_000);
  const findOrigin = typeof origin === "function" ? origin : fixedOrigin(origin);

  const pool = { keepAlive: true, maxSockets, timeout };
  const agents: Record<string, HttpAgent> = {
    "http:": new HttpAgent(pool),
    "https:": new HttpsAgent({ ...tls, ...pool }),
  };
  const proxy = createProxyServer();
  /** What is under way to an origin, by the request that it is for. */
  const outgoing = new WeakMap<object, ClientRequest>();
  /** What becomes of a request whose origin fails. */
  const failures = new WeakMap<object, (error: unknown) => void>();
  /** Requests that have been answered without an origin. */
  const givenUp = new WeakSet<object>();
  /** Requests whose caller wants its connection closed, which is nothing to the origin. */
  const closing = new WeakSet<object>();
  const webSockets = new Set<Duplex>();

  const began = (request: ClientRequest, message: object): void => {
    outgoing.set(message, request);
    if (givenUp.has(message)) request.destroy();
  };
  proxy.on("proxyReq", began);
  proxy.on("proxyReqWs", began);
  // Not by the promise of `web` and `ws`: the driver ends a WebSocket's socket before that is heard.
  proxy.on("error", (error, message) => {
    if (message !== undefined) failures.get(message)?.(error);
  });
  proxy.on("proxyRes", ({ headers }, message) => {
    stripHopByHop(headers);
    if (closing.has(message)) headers.connection = "close";
  });

  /** Makes the request what the origin is to see, and finds the origin. */
  async function prepare(message: NodeRequest, call: Context): Promise<ProxyServerOptions> {
    if (/\bclose\b/i.test(message.headers.connection ?? "")) closing.add(message);
    stripHopByHop(message.headers);
    setForwarded(message, trustForwarded);
    const request = new ProxyRequest(message);
    let ctx = call;
    for (const hook of before) ctx = hook(ctx, request) ?? ctx;
    const target = originUrl(await findOrigin(request, ctx));
    return { target, agent: agents[target.protocol], changeOrigin: changeHost };
  }

  /** Runs `pass`; where the origin fails or the time is up before it has begun to answer, and the caller is still there, it is `refuse`'s turn. */
  async function within(
    message: NodeRequest,
    call: Context,
    pass: (to: ProxyServerOptions, answered: () => void) => Promise<void>,
    refuse: (error: unknown) => void,
  ): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    const answered = (): void => clearTimeout(late);
    const fail = (error: unknown): void => {
      answered();
      if (givenUp.has(message) || call.cancelled !== undefined) return;
      givenUp.add(message);
      onError?.(error, call);
      refuse(error);
    };
    try {
      const to = await prepare(message, call);
      if (call.cancelled !== undefined) return;
      failures.set(message, (cause) => {
        const sent = outgoing.get(message);
        outgoing.delete(message);
        if (isStale(sent, cause) && !hasBody(message)) void pass(to, answered);
        else fail(originError(cause));
      });
      late = setTimeout(() => {
        fail(timedOut);
        outgoing.get(message)?.destroy();
      }, timeoutMs);
      await pass(to, answered);
    } catch (error) {
      fail(originError(error));
    }
  }

  function forward(message: NodeRequest, response: NodeResponse): void {
    const call = background.withCancel();
    response.once("close", () => call.cancel());
    const pass = (to: ProxyServerOptions, answered: () => void): Promise<void> => {
      response.once("pipe", answered);
      return proxy.web(message as IncomingMessage, response as ServerResponse, to);
    };
    void within(message, call, pass, (error) => writeError(response, error));
  }

  function upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    const call = background.withCancel();
    webSockets.add(socket);
    socket.once("close", () => {
      webSockets.delete(socket);
      call.cancel();
    });
    const wanted = message.headers.upgrade;
    const pass = (to: ProxyServerOptions, answered: () => void): Promise<void> => {
      Object.assign(message.headers, { connection: "Upgrade", upgrade: wanted });
      socket.once("pipe", answered);
      const own = to.agent instanceof HttpsAgent ? { ...to, agent: new HttpsAgent(tls) } : { ...to, agent: undefined };
      return proxy.ws(message, socket as Socket, own, head);
    };
    void within(message, call, pass, (error) => writeErrorTo(socket, error));
  }

  async function close(): Promise<void> {
    for (const socket of webSockets) socket.destroy();
    for (const agent of Object.values(agents)) agent.destroy();
  }

  return Object.assign(forward, { upgrade, close, [Symbol.asyncDispose]: close });
}

/** Whether an origin closed a kept connection just when it was used again: nothing of the request has been seen, so it may be sent once more. */
function isStale(sent: ClientRequest | undefined, cause: unknown): boolean {
  return sent?.reusedSocket === true && (cause as NodeJS.ErrnoException).code === "ECONNRESET";
}

/** A body that has begun to flow cannot be sent again. */
function hasBody({ headers }: NodeRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
