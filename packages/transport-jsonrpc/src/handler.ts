import {
  type CallInfo,
  callInfo,
  codeOf,
  type Context,
  contextKey,
  type ContextKey,
  type Endpoint,
  KitError,
} from "@kit/endpoint";
import { limit } from "@kit/transport";
import {
  type HttpHandler,
  httpHandler,
  type HttpReply,
  type HttpRequest,
  type HttpServerOptions,
  type JsonRequestOptions,
  jsonRequestDecoder,
  type StatusCoder,
  statusError,
} from "@kit/transport-http";
import { encodeError, jsonrpcError, type JsonrpcErrorEncoder } from "./error.ts";
import { callOf, idOf, invalidRequest, type JsonrpcCall, type JsonrpcId, type JsonrpcReply } from "./message.ts";

/** One method, each step in your hands. @see go-kit transport/http/jsonrpc EndpointCodec */
export interface JsonrpcMethod<Request = any, Response = any> {
  readonly endpoint: Endpoint<Request, Response>;
  /** @default the params as they are. Throw a `KitError` to refuse them. */
  readonly decode?: (params: unknown, ctx: Context) => Request | Promise<Request>;
  /** @default the response as it is; `undefined` becomes `null` */
  readonly encode?: (response: Response, ctx: Context) => unknown;
}

/** What every JSON-RPC server takes: the steps and limits of HTTP, and those of its own calls. */
export interface JsonrpcServerOptions extends Omit<HttpServerOptions, "errorEncoder">, JsonRequestOptions {
  /** Run in turn for each call once it is read, also for a method that there is not; each may return another context. @see go-kit ServerBeforeCodec */
  readonly beforeCodec?: readonly ((ctx: Context, call: JsonrpcCall) => Context | void)[];
  /** Turns an error of any step into what the caller is told. @default {@link encodeError} */
  readonly errorEncoder?: JsonrpcErrorEncoder;
  /** The most calls in one batch; beyond, the batch is refused with -32600. @default 100 — they run at the same time */
  readonly maxBatch?: number;
}

export interface JsonrpcHandlerOptions extends JsonrpcServerOptions {
  /** What `callInfo` names the service for logs and metrics. @default `""` */
  readonly service?: string;
}

/** The id of a request that is a single call, for an error that only HTTP's steps see, such as a deadline that has passed. */
const asked: ContextKey<{ id: JsonrpcId }> = contextKey("@kit/transport-jsonrpc/asked");

const contentType = "application/json; charset=utf-8";

/**
 * Serves methods by name, on every path: single calls, notifications and batches. Pass it to `http.createServer`, or hand its `fetch` to another platform.
 *
 * Any call is answered with HTTP 200; a request that is no POST with 405, one of notifications only with 204.
 *
 * @throws {TypeError} for a limit that is not a positive number.
 * @see go-kit transport/http/jsonrpc NewServer, https://www.jsonrpc.org/specification
 */
export function jsonrpcHandler(
  methods: Readonly<Record<string, JsonrpcMethod>>,
  options: JsonrpcHandlerOptions = {},
): HttpHandler {
  const { beforeCodec = [], errorEncoder = encodeError, onError, service = "" } = options;
  const maxBatch = limit("jsonrpcHandler: maxBatch", options.maxBatch, 100);
  const decodeJson = jsonRequestDecoder(options);
  const byName = new Map(Object.entries(methods));
  function refuse(id: JsonrpcId, error: unknown): string {
    const saying = (encode: JsonrpcErrorEncoder, reason: unknown): string =>
      JSON.stringify({ jsonrpc: "2.0", error: encode(reason), id } satisfies JsonrpcReply);
    try {
      return saying(errorEncoder, error);
    } catch (broken) {
      return saying(encodeError, new KitError(codeOf(error), codeOf(error), { cause: broken }));
    }
  }

  /** What is answered to one element of a request, `undefined` for a notification. It never rejects. */
  async function answer(value: unknown, outer: Context): Promise<string | undefined> {
    let ctx = outer;
    let call: JsonrpcCall | undefined;
    try {
      call = callOf(value);
      const { method, params, id } = call;
      ctx = ctx.with(callInfo, new JsonrpcCallInfo(service, method, outer));
      for (const hook of beforeCodec) ctx = hook(ctx, call) ?? ctx;
      const found = byName.get(method);
      if (found === undefined) throw jsonrpcError(-32601, "unimplemented", `Method ${method} was not found.`);
      const { endpoint, decode, encode } = found;
      const response = await endpoint(decode === undefined ? params : await decode(params, ctx), ctx);
      if (id === undefined) return undefined;
      const result = (encode === undefined ? response : encode(response, ctx)) ?? null;
      return JSON.stringify({ jsonrpc: "2.0", result, id } satisfies JsonrpcReply);
    } catch (error) {
      onError?.(error, ctx);
      if (call !== undefined && call.id === undefined) return undefined;
      return refuse(idOf(value), error);
    }
  }

  async function answerBatch(values: readonly unknown[], ctx: Context): Promise<string | undefined> {
    const replies = (await Promise.all(values.map((value) => answer(value, ctx)))).filter(
      (reply) => reply !== undefined,
    );
    return replies.length === 0 ? undefined : `[${replies.join(",")}]`;
  }

  /** Chained rather than awaited: of each call's cost a part is the turns that it takes in the queue. */
  const decode = (request: HttpRequest, ctx: Context): Promise<unknown> => {
    if (request.method !== "POST") throw statusError(405, "unimplemented", "405 must POST");
    return decodeJson(request).then((value: unknown) => checked(value, ctx), refuseToParse);
  };

  function checked(value: unknown, ctx: Context): unknown {
    if (value === undefined) refuseToParse(undefined);
    if (!Array.isArray(value)) ctx.get(asked)!.id = idOf(value);
    else if (value.length === 0) throw invalidRequest("an empty batch");
    else if (value.length > maxBatch) throw invalidRequest(`more than ${maxBatch} calls`);
    return value;
  }

  return httpHandler<unknown, string | undefined>(
    (value, ctx) => (Array.isArray(value) ? answerBatch(value, ctx) : answer(value, ctx)),
    {
      ...options,
      before: [(ctx) => ctx.with(asked, { id: null }), ...(options.before ?? [])],
      service,
      method: "",
      decode,
      encode: (body, reply) => {
        reply.status = body === undefined ? 204 : 200;
        if (body !== undefined) reply.headers["content-type"] = contentType;
        reply.body = body;
      },
      errorEncoder: (error, reply, ctx) => {
        if (statusOf(error) === 405) return encodeNoPost(reply);
        reply.status = statusOf(error);
        reply.headers["content-type"] = contentType;
        reply.body = refuse(ctx?.get(asked)?.id ?? null, error);
      },
    },
  );
}

/** Which call this is; the peer is looked up when somebody asks. */
class JsonrpcCallInfo implements CallInfo {
  readonly service: string;
  readonly method: string;
  readonly transport = "jsonrpc";
  readonly #outer: Context;

  constructor(service: string, method: string, outer: Context) {
    this.service = service;
    this.method = method;
    this.#outer = outer;
  }

  get peer(): string | undefined {
    return this.#outer.get(callInfo)?.peer;
  }
}

/** To the letter what go-kit replies. */
function encodeNoPost(reply: HttpReply): void {
  reply.status = 405;
  reply.headers["allow"] = "POST";
  reply.headers["content-type"] = "text/plain; charset=utf-8";
  reply.body = "405 must POST\n";
}

function refuseToParse(cause: unknown): never {
  // A body that is too long or too slow is HTTP's matter.
  if (hasStatus(cause)) throw cause;
  throw jsonrpcError(-32700, "invalid_argument", "body: not valid JSON");
}

/** Only what concerns the request as such, a body that is too long or too slow, is no 200. */
const statusOf = (error: unknown): number => (hasStatus(error) ? error.statusCode() : 200);

function hasStatus(error: unknown): error is Error & StatusCoder {
  return typeof (error as Partial<StatusCoder> | null)?.statusCode === "function";
}
