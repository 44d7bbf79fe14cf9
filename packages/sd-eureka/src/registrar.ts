import type { ConnectionOptions } from "node:tls";
import {
  backoff,
  heartbeatRegistrar,
  type Instance,
  type Registrar,
  requireMs,
  requireName,
  requireText,
} from "@kit/sd";
import { answerError, eurekaClient } from "./eureka-client.ts";
import { instanceRecord } from "./record.ts";

export interface EurekaRegistrarOptions {
  /** As for `eurekaInstancer`. The one that answered last is told; the servers tell each other. */
  readonly servers: readonly string[];
  /** As for `eurekaInstancer`. */
  readonly service: string;
  /**
   * Its address is `host:port` or `[IPv6]:port`; the host becomes Eureka's `ipAddr`. Weight and zone become the metadata `weight` and `zone`, where Spring Cloud
   * looks for them.
   */
  readonly instance: Instance;
  /** The name that others may use in the place of the address's host. @default that host */
  readonly hostName?: string;
  /** Whether the port is the secure one. @default false */
  readonly secure?: boolean;
  /**
   * The lease, in ms, in whole seconds for Eureka; it is renewed three times as often. At least 1000. @default 90000, which Eureka expects: with another many
   * servers misjudge how many renewals they have missed
   */
  readonly ttlMs?: number;
  /** How long one server may take to answer before the next is asked, in ms. @default 5000, which a healthy one never needs */
  readonly timeoutMs?: number;
  /** As for `eurekaInstancer`. @default Node's own */
  readonly tls?: ConnectionOptions;
  /** Told why a renewal, a registration after it, or the deregistration of `close` failed. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/** Eureka answers a registrar with nothing, or with a page that says why not. */
const maxBytes = 65_536;

/**
 * Announces an instance to Eureka as UP, renews its lease every third of `ttlMs`, and registers it again when Eureka has lost it. What status an operator has
 * set for it stays. Heartbeats do not keep the process alive.
 *
 * @throws {TypeError} when an option is wrong. `register` and `deregister` reject with `unavailable`, `deadline_exceeded`, `unauthenticated` or
 * `permission_denied`.
 * @see go-kit sd/eureka/registrar.go
 */
export function eurekaRegistrar(options: EurekaRegistrarOptions): Registrar {
  const {
    servers,
    service,
    instance,
    hostName,
    secure = false,
    ttlMs = 90_000,
    timeoutMs = 5_000,
    tls,
    onError,
  } = options;
  requireName("eurekaRegistrar: service", service);
  requireMs("eurekaRegistrar: ttlMs", ttlMs, 1_000);
  requireMs("eurekaRegistrar: timeoutMs", timeoutMs, 1);
  if (hostName !== undefined) requireText("eurekaRegistrar: hostName", hostName);
  const ask = eurekaClient("eurekaRegistrar", { servers, timeoutMs, maxBytes, tls });
  const { id, record } = instanceRecord("eurekaRegistrar", { service, instance, ttlMs, secure, hostName });
  const app = service.toUpperCase();
  const heartbeatMs = ttlMs / 3;

  return heartbeatRegistrar({
    async register(ctx) {
      const answer = await ask("POST", [app], ctx, { instance: record });
      if (answer.status !== 204) throw answerError(answer);
    },
    async renew(ctx) {
      const answer = await ask("PUT", [app, id], ctx);
      if (answer.status !== 200) throw answerError(answer);
    },
    async deregister(ctx) {
      const answer = await ask("DELETE", [app, id], ctx);
      if (answer.status !== 200 && answer.status !== 404) throw answerError(answer);
    },
    heartbeatMs,
    timeoutMs: timeoutMs * servers.length,
    backoff: backoff({ baseMs: Math.min(100, heartbeatMs), maxMs: Math.min(10_000, heartbeatMs) }),
    onError,
  });
}
