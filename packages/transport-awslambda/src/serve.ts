import { type Context, type Endpoint, KitError, toWire } from "@kit/endpoint";
import { type EndpointsOf, type Service, servedMethods } from "@kit/service";
import { serveHttp, type ServeHttpOptions } from "@kit/transport-http";
import { payloadOf, requestOf, resultOf } from "./gateway.ts";
import { answerer, type LambdaReply, type LambdaServerOptions } from "./handler.ts";
import { Invocation } from "./invocation.ts";
import type { LambdaContext, LambdaFunction } from "./lambda-context.ts";

/** A plain call of one method of a service: what `connectLambda` sends. */
export interface LambdaCall {
  readonly method: string;
  readonly request?: unknown;
  /** Deadline, carried values, and whatever hooks wrote, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ServeLambdaOptions extends LambdaServerOptions {
  /** For events that are HTTP requests: as `serveHttp` takes them. @default its own */
  readonly http?: ServeHttpOptions;
}

/** A request that came as an event: Lambda's time in the header that an HTTP server reads. */
const httpTimeoutHeader = "connect-timeout-ms";

/**
 * Serves a whole service, however it is invoked: through API Gateway (payload 1.0 and 2.0) or a load balancer, a function URL, or by a plain call `{ method, request }`, which is answered with
 * `{ response }` or `{ error: { code, message, details } }`.
 *
 * @throws {TypeError} for a method without an endpoint, a route that cannot be, or a limit that is not a positive number.
 */
export function serveLambda<S extends Service>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: ServeLambdaOptions = {},
): LambdaFunction {
  const { http = {}, marginMs = 100 } = options;
  const served = servedMethods(service, endpoints);
  const handler = serveHttp(service, endpoints, http);
  const answer = answerer("serveLambda", options, encodeError);

  const fetch = (request: Request, context: LambdaContext): Promise<Response> => {
    const leftMs = Math.max(0, Math.floor(context.getRemainingTimeInMillis() - marginMs));
    const wanted = request.headers.get(httpTimeoutHeader);
    if (wanted === null || Number(wanted) > leftMs) request.headers.set(httpTimeoutHeader, String(leftMs));
    return handler.fetch(request);
  };

  const call = (event: unknown, context: LambdaContext): Promise<unknown> => {
    const { method, request } = (event ?? {}) as Partial<LambdaCall>;
    const name = String(method);
    const endpoint = served.get(name) ?? missing(service.name, name);
    const info = { service: service.name, method: name, transport: "awslambda" };
    return answer(new Invocation(event, context), { info, endpoint, decode: () => request, encode });
  };

  return async (event, context) => {
    const payload = payloadOf(event);
    if (payload === undefined) return call(event, context);
    const request = requestOf(event, payload);
    if (request === undefined) return { statusCode: 400, headers: {}, body: "", isBase64Encoded: false };
    return resultOf(await fetch(request, context), payload);
  };
}

function missing(service: string, method: string): Endpoint {
  return () => Promise.reject(new KitError("unimplemented", `${service} has no method "${method.slice(0, 100)}"`));
}

function encode(response: unknown, reply: LambdaReply, _ctx: Context): void {
  reply.result = { response };
}

function encodeError(error: unknown, reply: LambdaReply): void {
  reply.result = { error: toWire(error) };
}
