import { randomBytes } from "node:crypto";
import { type Context, KitError } from "@kit/endpoint";
import {
  backoff,
  encodeInstance,
  heartbeatRegistrar,
  type Instance,
  parseInstance,
  type Registrar,
  requireMs,
  requireText,
} from "@kit/sd";
import { EtcdLeaseInvalidError, type ILeaseKeepAliveResponse, type Namespace } from "etcd3";
import { coded, etcdError } from "./etcd-error.ts";
import { servicePrefix } from "./keys.ts";

export interface EtcdRegistrarOptions {
  /** With its hosts, TLS and password; not closed here. */
  readonly client: Namespace;
  /** What the service's keys begin with, such as `/services/addsvc/`. A slash at its end is added where it lacks. */
  readonly prefix: string;
  readonly instance: Instance;
  /** What follows the prefix in its key. @default its address */
  readonly key?: string;
  /** How long it stays listed after its process has died, in ms, rounded up to seconds; it is renewed three times as often. At least 1000. @default 10000, as in go-kit */
  readonly ttlMs?: number;
  /** Told why a renewal, a registration after it, or the deregistration of `close` failed. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/** One call's time, in ms, within what `heartbeatRegistrar` gives to the whole. */
const timeoutMs = 5_000;

/**
 * Announces an instance by a key under a lease. When the key or the lease is gone it is written again. Heartbeats do not keep the process alive.
 *
 * @throws {TypeError} when an option is wrong. `register` and `deregister` reject with `unavailable`, `deadline_exceeded`, `permission_denied`, `unauthenticated` or `resource_exhausted`.
 * @see go-kit sd/etcdv3/registrar.go
 */
export function etcdRegistrar(options: EtcdRegistrarOptions): Registrar {
  const { client, ttlMs = 10_000, onError } = options;
  const prefix = servicePrefix("etcdRegistrar", client, options.prefix);
  const instance = parseInstance(options.instance);
  const { key: name = instance.address } = options;
  requireText("etcdRegistrar: key", name);
  requireMs("etcdRegistrar: ttlMs", ttlMs, 1_000);
  const key = Buffer.concat([prefix, Buffer.from(name)]);
  const value = encodeInstance(instance);
  const heartbeatMs = ttlMs / 3;
  /** Those that etcd may hold; the last is the current one. */
  const leases = new Set<string>();
  let lease = "";

  const deadline = (): { deadline: number } => ({ deadline: Date.now() + timeoutMs });

  async function register(): Promise<void> {
    // Our own number, so that the lease can be revoked even when the answer to its grant was lost.
    lease = String(randomBytes(8).readBigUInt64BE() >> 1n);
    leases.add(lease);
    await coded(client.leaseClient.leaseGrant({ ID: lease, TTL: Math.ceil(ttlMs / 1_000) }, deadline()));
    await coded(client.kv.put({ key, value, lease }, deadline()));
  }

  async function renew(ctx: Context): Promise<void> {
    const { TTL } = await keepAlive(ctx);
    if (Number(TTL) <= 0) throw new KitError("not_found", "the lease has expired");
    const { kvs } = await coded(client.kv.range({ key }, deadline()));
    if (kvs[0]?.lease !== lease) throw new KitError("not_found", "the key is gone");
  }

  async function keepAlive(ctx: Context): Promise<ILeaseKeepAliveResponse> {
    const stream = await coded(client.leaseClient.leaseKeepAlive(deadline()));
    const leave = ctx.onCancel(() => stream.cancel());
    try {
      return await new Promise((resolve, reject) => {
        stream.on("data", resolve);
        stream.on("error", (error: Error) => reject(etcdError(error)));
        stream.on("end", () => reject(new KitError("unavailable", "etcd has closed the stream")));
        stream.write({ ID: lease });
      });
    } finally {
      leave();
      stream.cancel();
    }
  }

  async function deregister(): Promise<void> {
    for (const ID of leases) {
      await coded(
        client.leaseClient.leaseRevoke({ ID }, deadline()).catch((error: unknown) => {
          // Expired, or never granted.
          if (!(error instanceof EtcdLeaseInvalidError)) throw error;
        }),
      );
      leases.delete(ID);
    }
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
