import { type Context, KitError } from "@kit/endpoint";
import { parseJson } from "@kit/transport";
import {
  type ClientRequest,
  type ClientResponse,
  type HttpClient,
  httpClient,
  type HttpClientCommon,
} from "@kit/transport-http";
import { decodeError } from "./error.ts";
import type { JsonrpcId } from "./message.ts";

/** A reply as a decoder sees it. */
export interface JsonrpcResponse {
  readonly result: unknown;
  /** As the server sent it; `undefined` if the call succeeded. */
  readonly error: unknown;
}

export interface JsonrpcClientCommon extends HttpClientCommon {
  /** Where the server is, path and query included. */
  readonly url: string | URL;
  /** Names each call. A reply's name is not compared: HTTP has paired them. @default 0, 1, 2, … by client. @see go-kit ClientRequestIDGenerator */
  readonly newId?: () => JsonrpcId;
}

/** One method of a JSON-RPC server, each step in your hands. */
export interface JsonrpcClientOptions<Request, Response> extends JsonrpcClientCommon {
  readonly method: string;
  /** @default the request as it is; `undefined` leaves the params out */
  readonly encode?: (request: Request, ctx: Context) => unknown;
  /** Sees every reply. @default {@link decodeJsonrpcResponse} */
  readonly decode?: (response: JsonrpcResponse, ctx: Context) => Response | Promise<Response>;
  /** Send notifications: resolves with `undefined` once the server has run them, whatever came of it. @default false */
  readonly notification?: boolean;
}

/**
 * A method elsewhere. Deadline and carried values of the context go along as HTTP headers; when the context ends, so does the request.
 *
 * It rejects with the `KitError` that the server sent (a foreign one's number tells its code), `internal` for a reply that is none, and as `httpClient` does.
 *
 * @throws {TypeError} when the URL is not one.
 * @see go-kit transport/http/jsonrpc NewClient
 */
export function jsonrpcClient<Request = any, Response = any>(
  options: JsonrpcClientOptions<Request, Response>,
): HttpClient<Request, Response> {
  const { method, encode, decode = decodeJsonrpcResponse, notification = false, newId = autoIncrement() } = options;
  return httpClient<Request, Response>({
    ...options,
    method: "POST",
    encode(request: Request, message: ClientRequest, ctx: Context) {
      const params = encode === undefined ? request : encode(request, ctx);
      message.headers["content-type"] = "application/json; charset=utf-8";
      message.body = JSON.stringify({ jsonrpc: "2.0", method, params, ...(notification ? {} : { id: newId() }) });
    },
    decode(response: ClientResponse, ctx: Context) {
      if (notification && response.status === 204) return undefined as Response;
      return decode(read(response), ctx);
    },
  });
}

/** The result; an error of the server's is thrown as what it means. */
export function decodeJsonrpcResponse({ result, error }: JsonrpcResponse): any {
  if (error !== undefined) throw decodeError(error);
  return result;
}

/** Ids 0, 1, 2, … @see go-kit NewAutoIncrementID */
export function autoIncrement(first: number = 0): () => number {
  let next = first;
  return () => next++;
}

function read(response: ClientResponse): JsonrpcResponse {
  let reply: unknown;
  try {
    reply = parseJson(response.text());
  } catch (cause) {
    if (response.status > 299) throw response.error();
    throw new KitError("internal", "json-rpc: a reply that is not JSON", { cause });
  }
  const { result, error } = (reply ?? {}) as Record<string, unknown>;
  if (result === undefined && error === undefined) {
    if (response.status > 299) throw response.error();
    // go-kit leaves out the result that its encoder did not make.
    if ((reply as { jsonrpc?: unknown } | null)?.jsonrpc !== "2.0")
      throw new KitError("internal", "json-rpc: a reply without a result or an error");
  }
  return { result, error: error ?? undefined };
}
