import type { Endpoint } from "@kit/endpoint";
import type { ClientOf, Service } from "@kit/service";
import { traced } from "@kit/tracing-otel";
import { SpanKind, type Tracer } from "@opentelemetry/api";

/** A client of one instance with a span around each call, so that a trace shows each attempt, and at whom. */
export function tracedClient<S extends Service>(
  service: S,
  client: ClientOf<S>,
  tracer: Tracer,
  { transport, address }: { readonly transport: string; readonly address: string },
): ClientOf<S> {
  const kind = SpanKind.CLIENT;
  const attributes = { "server.address": address };
  const methods = Object.entries(client as Record<string, Endpoint>).map(([name, method]) => {
    const around = traced(tracer, { service: service.name, name, transport, kind, attributes });
    return [name, around(method)];
  });
  const close = (): Promise<void> => (client as AsyncDisposable)[Symbol.asyncDispose]() as Promise<void>;
  return Object.assign(Object.create({ [Symbol.asyncDispose]: close }), Object.fromEntries(methods));
}
