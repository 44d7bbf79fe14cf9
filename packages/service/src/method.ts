import type { AnyMiddleware, Context, Endpoint } from "@kit/endpoint";
import { throwDeclared } from "./declared-error.ts";
import type { ClientOf, EndpointsOf, Method, Service } from "./service.ts";
import { until } from "./until.ts";

/** For transports: one method as it is served, from the peer's value to what goes back. */
export function servedMethod(method: Method, endpoint: Endpoint): Endpoint<unknown, unknown> {
  const { request, response } = method;
  const call = (decoded: unknown, ctx: Context): Promise<unknown> => {
    const answer = endpoint(decoded, ctx);
    return response.encode === undefined ? answer : answer.then(response.encode);
  };
  return bounded(method)((wire, ctx) => {
    try {
      const decoded = request.decode(wire);
      return decoded instanceof Promise ? decoded.then((value) => call(value, ctx)) : call(decoded, ctx);
    } catch (error) {
      return Promise.reject(error);
    }
  });
}

/** For transports: one method as it is called, `send` taking its value to the peer and back. */
export function connectedMethod(method: Method, send: Endpoint<unknown, unknown>): Endpoint {
  const { request, response } = method;
  const refuse = (error: unknown): Promise<never> => throwDeclared(method, error);
  return bounded(method)((value, ctx) => {
    try {
      return send(request.encode === undefined ? value : request.encode(value), ctx).then(response.decode, refuse);
    } catch (error) {
      return Promise.reject(error);
    }
  });
}

/** For transports: the endpoints of a service, served, by method name. */
export function servedMethods<S extends Service>(
  service: S,
  endpoints: EndpointsOf<S>,
): Map<string, Endpoint<unknown, unknown>> {
  const byName = endpoints as Record<string, Endpoint>;
  return new Map(
    Object.values<Method>(service.methods).map((method) => {
      const endpoint = byName[method.name];
      if (endpoint === undefined) throw new TypeError(`${service.name}.${method.name} has no endpoint`);
      return [method.name, servedMethod(method, endpoint)];
    }),
  );
}

/**
 * For transports: a client whose members are the service's methods.
 *
 * @param send - makes what takes one method's values to the peer.
 * @param close - called once, however often the client is disposed.
 */
export function clientOf<S extends Service>(
  service: S,
  send: (method: Method) => Endpoint<unknown, unknown>,
  close: () => Promise<void> = async () => {},
): ClientOf<S> {
  let closed: Promise<void> | undefined;
  const client = Object.create({ [Symbol.asyncDispose]: () => (closed ??= close()) });
  for (const method of Object.values<Method>(service.methods))
    client[method.name] = connectedMethod(method, send(method));
  return client;
}

/** Holds each call to the method's own `timeoutMs`. */
function bounded({ timeoutMs }: Method): AnyMiddleware {
  if (timeoutMs === undefined) return (next) => next;
  return (next) => (request, ctx) => {
    const child = ctx.withTimeout(timeoutMs);
    const done = (): void => child.cancel();
    const answer = until(child, next(request, child));
    answer.then(done, done);
    return answer;
  };
}
