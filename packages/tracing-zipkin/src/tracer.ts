import type { TraceId, Tracer } from "zipkin";

/** What a tracer has besides what the declarations of zipkin 0.22 tell. */
export interface FullTracer extends Tracer {
  join(id: TraceId): TraceId;
  readonly localEndpoint: {
    readonly serviceName?: string | undefined;
    readonly ipv4?: string | undefined;
    readonly port?: number | undefined;
  };
  readonly log: { error(...told: readonly unknown[]): void };
}
