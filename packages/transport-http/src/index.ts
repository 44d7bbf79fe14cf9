// Servers.
export { drainHttp, type DrainHttpOptions } from "./drain.ts";
export { encodeError, encodeErrorPlain, type ErrorEncoder, statusError } from "./error.ts";
export type { HttpOutcome, HttpServerHooks, HttpServerOptions } from "./exchange.ts";
export { type HttpHandler, httpHandler, type HttpHandlerOptions } from "./handler.ts";
export type { HttpLimits } from "./limits.ts";
export type { Headerer, HttpHeaders, HttpReply, StatusCoder } from "./reply.ts";
export { httpRequest, type HttpRequest, populateRequestContext } from "./request.ts";
export { type OtherHandler, serveHttp, type ServeHttpOptions } from "./serve.ts";

// Clients.
export {
  httpClient,
  type HttpClient,
  type HttpClientCommon,
  type HttpClientHooks,
  type HttpClientOptions,
  type HttpClientOutcome,
} from "./client.ts";
export type { ClientRequest, ClientResponse } from "./client-message.ts";
export { connectHttp, type ConnectHttpOptions } from "./connect.ts";
export { codeOfStatus } from "./error.ts";
export { fetchSender, type FetchSenderOptions } from "./fetch-sender.ts";
export type { HttpSender, SendOptions } from "./sender.ts";
export { undiciSender, type UndiciSenderOptions } from "./undici-sender.ts";

// Steps for both sides.
export { setRequestHeader, setResponseHeader } from "./header-hooks.ts";
export {
  decodeJsonResponse,
  decodePlainResponse,
  encodeJsonRequest,
  encodeJsonResponse,
  type JsonRequestOptions,
  jsonRequestDecoder,
  nopRequestDecoder,
} from "./json.ts";
