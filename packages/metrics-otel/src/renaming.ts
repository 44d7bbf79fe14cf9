import type { Labels } from "@kit/metrics";
import type { Attributes } from "@opentelemetry/api";

/** What an instrument is called in OpenTelemetry, where that is not the name it is asked for. */
export interface Renaming {
  /** The whole name; no prefix is put before it. */
  readonly name: string;
  /** What its labels become, those of `defaultLabels` among them; called once a series. @default the labels as they are */
  readonly attributes?: (labels: Labels) => Attributes;
}

/**
 * The duration that `measured` takes as the semantic conventions for RPC have it: `rpc.server.call.duration` or `rpc.client.call.duration`,
 * with `rpc.system.name`, `rpc.method` (`<service>/<method>`), `rpc.response.status_code` (`OK`, `NOT_FOUND`) and, if the call failed,
 * `error.type`, the code as logs have it. A business failure is one of type `failure`; its response came well.
 *
 * @param system - the transport: `http`, `grpc`, `nats`, ...
 * @example otelMetrics({ meter, renamed: { request_duration_seconds: rpcDuration("server", "http") } })
 * @see https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
 */
export function rpcDuration(side: "client" | "server", system: string): Renaming {
  return {
    name: `rpc.${side}.call.duration`,
    attributes({ service, method, code = "ok", ...others }) {
      const succeeded = code === "ok";
      return {
        ...others,
        "rpc.system.name": system,
        "rpc.method": [service, method].filter((part) => part !== undefined).join("/"),
        "rpc.response.status_code": succeeded || code === "failure" ? "OK" : code.toUpperCase(),
        ...(!succeeded && { "error.type": code }),
      };
    },
  };
}
