import type { EventEmitter } from "node:events";
import { codeOf, type Context } from "@kit/endpoint";
import {
  backoff,
  heartbeatRegistrar,
  type Instance,
  parseInstance,
  type Registrar,
  requireMs,
  requireText,
} from "@kit/sd";
import type Consul from "consul";
import { call } from "./call.ts";
import { parseClients, parseTags } from "./clients.ts";
import { serviceFields } from "./entry.ts";
import { registerService } from "./register-service.ts";

export interface ConsulRegistrarOptions {
  /** The agent to register with, with its token and TLS; not closed here. Of several the first that takes the instance has it, and the next when that one fails. */
  readonly client: Consul | readonly Consul[];
  readonly service: string;
  /** Its address must be `host:port`. */
  readonly instance: Instance;
  /** @default none */
  readonly tags?: readonly string[];
  /** What the agent knows it by. The same again replaces it. @default `<service>-<address>`, so that a process that starts again takes its own place */
  readonly id?: string;
  /** How long it passes after its process has died, in ms; it is renewed three times as often. At least 1000. @default 10000 */
  readonly ttlMs?: number;
  /** After how long without passing the agent forgets it, in ms. Consul looks every half minute and takes less than a minute for a minute. @default 60000 */
  readonly forgetMs?: number;
  /** Told why a renewal, a registration after it, or the deregistration of `close` failed. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/**
 * Announces an instance to an agent, with a check that passes as long as this process renews it. When the agent has lost it, or another takes over, it is registered
 * again. Heartbeats do not keep the process alive.
 *
 * @throws {TypeError} when an option is wrong. `register` and `deregister` reject with `unavailable`, `unauthenticated`, `permission_denied`, `invalid_argument` (metadata that Consul does
 * not take) or `resource_exhausted`.
 * @see go-kit sd/consul/registrar.go
 */
export function consulRegistrar(options: ConsulRegistrarOptions): Registrar {
  const { service, ttlMs = 10_000, forgetMs = 60_000, onError } = options;
  const clients = parseClients("consulRegistrar", options.client);
  requireText("consulRegistrar: service", service);
  const instance = parseInstance(options.instance);
  const { id = `${service}-${instance.address}` } = options;
  requireText("consulRegistrar: id", id);
  requireMs("consulRegistrar: ttlMs", ttlMs, 1_000);
  requireMs("consulRegistrar: forgetMs", forgetMs, 1_000);
  const check = `service:${id}`;
  const registration = {
    ID: id,
    Name: service,
    Tags: parseTags("consulRegistrar", options.tags ?? []),
    ...serviceFields(instance),
    Check: { CheckID: check, TTL: `${ttlMs}ms`, Status: "passing", DeregisterCriticalServiceAfter: `${forgetMs}ms` },
  };
  const heartbeatMs = ttlMs / 3;
  /** The agents that may have it; one that could not be reached may, too. */
  const holders = new Set<Consul>();
  let current = 0;

  async function register(ctx: Context): Promise<void> {
    for (let left = clients.length; ; left--) {
      const client = clients[current]!;
      holders.add(client);
      try {
        return await announce(client, ctx);
      } catch (error) {
        current = (current + 1) % clients.length;
        if (left === 1) throw error;
      }
    }
  }

  async function announce(client: Consul, ctx: Context): Promise<void> {
    for (let left = 2; ; left--) {
      await call(ctx, (abort) => registerService(client, registration, abort));
      try {
        // Only what has been said of a check survives a restart of the agent, not what the check began with.
        return await renew(ctx);
      } catch (error) {
        // An agent that was stopped may carry out only now what a registrar before this one has asked for and given up: to remove the instance.
        if (left === 1 || codeOf(error) !== "not_found") throw error;
      }
    }
  }

  function renew(ctx: Context): Promise<void> {
    const client = clients[current]!;
    return call(ctx, (abort) => client.agent.check.pass(aborted({ id: check }, abort)));
  }

  function deregister(ctx: Context): Promise<void> {
    return each(holders, async (client) => {
      try {
        await call(ctx, (abort) => client.agent.service.deregister(aborted({ id }, abort)));
      } catch (error) {
        if (codeOf(error) !== "not_found") throw error;
      }
      holders.delete(client);
    });
  }

  return heartbeatRegistrar({
    register,
    renew,
    deregister,
    heartbeatMs,
    backoff: backoff({ baseMs: Math.min(100, heartbeatMs), maxMs: heartbeatMs }),
    onError,
  });
}

/** The driver's types know nothing of its `ctx`. */
const aborted = <Request extends object>(request: Request, ctx: EventEmitter): Request => ({ ...request, ctx });

async function each<Item>(items: Iterable<Item>, act: (item: Item) => Promise<void>): Promise<void> {
  const failed = (await Promise.allSettled(Array.from(items, act))).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
