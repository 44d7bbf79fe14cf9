import type { Endpoint, Middleware } from "@kit/endpoint";
import type { EndpointsOf, Method, Service } from "./service.ts";

/**
 * Makes a service's endpoints from the functions that do the work, a plain object or an instance of a class.
 *
 * @param wrap - called once a method for the middleware to put around it, with the method's description, so that a log or a
 *   metric is labelled without being told twice.
 * @throws {TypeError} when a method has no function.
 */
export function implement<S extends Service>(
  service: S,
  handlers: EndpointsOf<S>,
  wrap?: (method: Method) => Middleware,
): EndpointsOf<S> {
  const implementations = handlers as Record<string, Endpoint>;
  const endpoints = Object.values<Method>(service.methods).map((method) => {
    if (typeof implementations[method.name] !== "function") {
      throw new TypeError(`implement: ${service.name}.${method.name} has no implementation`);
    }
    const endpoint: Endpoint = (request, ctx) => {
      try {
        return implementations[method.name]!(request, ctx);
      } catch (error) {
        // A handler that is no async function may throw before it has a promise to reject.
        return Promise.reject(error);
      }
    };
    return [method.name, wrap === undefined ? endpoint : wrap(method)(endpoint)];
  });
  return Object.fromEntries(endpoints);
}
