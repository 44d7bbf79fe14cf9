import { KitError, refusal } from "@kit/endpoint";
import { keyNames, parseJson } from "@kit/transport";
import type { ClientRequest, ClientResponse } from "./client-message.ts";
import { applyOwn, type Headerer, type HttpReply } from "./reply.ts";
import type { HttpRequest } from "./request.ts";

/** What go-kit sends, to the letter. */
export const jsonContentType = "application/json; charset=utf-8";

/** How a JSON body is read. */
export interface JsonRequestOptions {
  /**
   * Field names to be recognised whatever their case, at every level: go-kit's clients send `{"A":1}` where a struct has no tags. A field in its own
   * case wins. @default none, since it makes parsing several times slower
   */
  readonly caseInsensitiveKeys?: readonly string[];
}

/** A decoder of JSON bodies, `undefined` for an empty one. @see go-kit's decoders, which match keys as encoding/json does */
export function jsonRequestDecoder(options: JsonRequestOptions = {}): (request: HttpRequest) => Promise<any> {
  const names = keyNames(options.caseInsensitiveKeys);
  if (names === undefined) return (request) => request.json();
  return (request) => request.text().then((text) => (text === "" ? undefined : parseJson(text, { names })));
}

/** Decodes a request to nothing, for endpoints that need none. @see go-kit NopRequestDecoder */
export function nopRequestDecoder(): undefined {}

/** Encodes a response as JSON; `undefined` becomes 204 without a body. A response may be a StatusCoder or a Headerer. @see go-kit EncodeJSONResponse */
export function encodeJsonResponse(response: unknown, reply: HttpReply): void {
  if (response === undefined) {
    reply.status = 204;
    return;
  }
  reply.headers["content-type"] = jsonContentType;
  applyOwn(response, reply);
  if (reply.status !== 204) reply.body = JSON.stringify(response);
}

/** Encodes a request as a JSON body; `undefined` is sent as no body. A request may be a Headerer. @see go-kit EncodeJSONRequest */
export function encodeJsonRequest(request: unknown, message: ClientRequest): void {
  if (request === undefined) return;
  message.headers["content-type"] = jsonContentType;
  const own: Partial<Headerer> | null = request;
  if (typeof own?.headers === "function") Object.assign(message.headers, own.headers());
  message.body = JSON.stringify(request);
}

/**
 * Decodes a response from JSON; a status beyond 2xx becomes the error that the server sent. An empty body is `undefined`.
 *
 * @throws {KitError} what the server said, else the code its status means; `internal` for a body that is not JSON.
 */
export function decodeJsonResponse(response: ClientResponse): any {
  if (response.status < 200 || response.status > 299) throw response.error();
  if (response.body.length === 0) return undefined;
  try {
    return parseJson(response.text());
  } catch (cause) {
    throw new KitError("internal", `http: a ${response.status} reply that is not JSON`, { cause });
  }
}

/**
 * The same for responses of a go-kit server, whose errors are bare text: it becomes the message. Whoever answers in its place, a proxy say, is quoted as
 * well, so this is for peers that need it.
 *
 * @throws {KitError} what the server said, with the code that its status means.
 * @see go-kit transport/http DefaultErrorEncoder
 */
export function decodePlainResponse(response: ClientResponse): any {
  if (response.status > 299 && response.header("content-type")?.startsWith("text/plain")) {
    const { code, retryAfterMs } = response.error();
    throw refusal(code, response.text(), { retryAfterMs });
  }
  return decodeJsonResponse(response);
}
