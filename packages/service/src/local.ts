import { background, callInfo, codeOf, extract, fromWire, inject, toWire } from "@kit/endpoint";
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
export function connectLocal<S extends Service>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: LocalOptions = {},
): ClientOf<S> {
  const { onError } = options;
  const served = servedMethods(service, endpoints);
  const refuse = (error: unknown): never => {
    let wire: unknown;
    try {
      onError?.(error);
      wire = throughJson(toWire(error));
    } catch {
      wire = { code: codeOf(error) };
    }
    throw fromWire(wire);
  };
  return clientOf(service, (method) => {
    const serve = served.get(method.name)!;
    const info = { service: service.name, method: method.name, transport: "local" };
    return async (request, ctx) => {
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
      const sent = throughJson(request);
      const headers = new Map<string, string>();
      inject(ctx, (name, value) => headers.set(name, value));
      const call = ctx.deadline === undefined ? background.withCancel() : background.withDeadline(ctx.deadline);
      const forget = ctx.onCancel((cause) => call.cancel(cause));
      const serverCtx = extract(call, (name) => headers.get(name)).with(callInfo, info);
      try {
        return await until(ctx, serve(sent, serverCtx).then(throughJson).catch(refuse));
      } finally {
        forget();
        call.cancel();
      }
    };
  });
}

function throughJson(value: unknown): unknown {
  const json: string | undefined = JSON.stringify(value);
  return json === undefined ? undefined : JSON.parse(json);
}
