import { background, callInfo, extract, fromWire, inject, toWire } from "@kit/endpoint";
import { clientOf, servedMethods } from "./method.ts";
import type { ClientOf, EndpointsOf, Service } from "./service.ts";
import { until } from "./until.ts";

export interface LocalOptions {
  /** Hears of each error before it goes to the caller, who learns the message of a `KitError` only. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Connects to a service in the same process, through JSON and back as over a wire: for tests, and for a service that may move out
 * later. The server's side gets a context of its own, with what crosses a wire: deadline, cancellation, carried values.
 */
export function connectLocal<S extends Service>(service: S, endpoints: EndpointsOf<S>, options: LocalOptions = {}): ClientOf<S> {
  const { onError } = options;
  const served = servedMethods(service, endpoints);
  return clientOf(service, (method) => {
    const serve = served.get(method.name)!;
    const info = { service: service.name, method: method.name, transport: "local" };
    return async (request, ctx) => {
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
      const headers = new Map<string, string>();
      inject(ctx, (name, value) => headers.set(name, value));
      using call = ctx.deadline === undefined ? background.withCancel() : background.withDeadline(ctx.deadline);
      const forget = ctx.onCancel((cause) => call.cancel(cause));
      try {
        const serverCtx = extract(call, (name) => headers.get(name)).with(callInfo, info);
        return throughJson(await until(call, serve(throughJson(request), serverCtx)));
      } catch (error) {
        onError?.(error);
        throw fromWire(throughJson(toWire(error)));
      } finally {
        forget();
      }
    };
  });
}

function throughJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
