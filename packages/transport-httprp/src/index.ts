export { type HttprpHandler, httprpHandler, type HttprpHandlerOptions } from "./handler.ts";
export type { Origin } from "./origin.ts";
export { ProxyRequest } from "./request.ts";
