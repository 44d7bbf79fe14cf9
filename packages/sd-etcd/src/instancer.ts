import { type Context, KitError } from "@kit/endpoint";
import { decodeInstance, guarded, type Instance, type Instancer, requireMs, watchInstancer } from "@kit/sd";
import type { IKeyValue, IWatchResponse, Namespace } from "etcd3";
import { coded, etcdError } from "./etcd-error.ts";
import { keysBelow, servicePrefix } from "./keys.ts";

export interface EtcdInstancerOptions {
  /** With its hosts, TLS and password; not closed here. */
  readonly client: Namespace;
  /** What the service's keys begin with, such as `/services/addsvc/`. A slash at its end is added where it lacks. */
  readonly prefix: string;
  /** How often to ask whether the watch still lives, in ms. A connection that has silently died is found out after twice as long. @default 10000 */
  readonly pingMs?: number;
  /** How long the first list may take, in ms. @default 5000, which a healthy etcd never needs */
  readonly timeoutMs?: number;
  /** Told of values that are no instances, each time they are read. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/**
 * Lists what is below a prefix and watches it from that revision on, so that no change is missed. When the watch breaks, it lists anew: after 0.1 to 10 s, at any host of the client.
 * It keeps the process alive until it is closed.
 *
 * @throws {TypeError} when an option is wrong. Subscribers are told `unavailable`, `deadline_exceeded`, `permission_denied`, `unauthenticated` or `resource_exhausted`.
 * @see go-kit sd/etcdv3/instancer.go
 */
export function etcdInstancer(options: EtcdInstancerOptions): Instancer {
  const { client, pingMs = 10_000, timeoutMs = 5_000, onError } = options;
  const range = keysBelow(servicePrefix("etcdInstancer", client, options.prefix));
  requireMs("etcdInstancer: pingMs", pingMs, 1);
  requireMs("etcdInstancer: timeoutMs", timeoutMs, 1);
  const report = guarded(onError);

  return watchInstancer({
    async watch(update, ctx) {
      const instances = new Map<string, Instance>();
      const snapshot = await coded(client.kv.range(range, { deadline: Date.now() + timeoutMs }));
      for (const pair of snapshot.kvs) put(instances, pair);
      update(instances.values());
      await follow(BigInt(snapshot.header.revision) + 1n, ctx, (response) => {
        for (const { type, kv } of response.events) {
          if (type === "Put") put(instances, kv);
          else instances.delete(kv.key.toString());
        }
        update(instances.values());
      });
    },
  });

  function put(instances: Map<string, Instance>, { key, value }: IKeyValue): void {
    const name = key.toString();
    try {
      instances.set(name, decodeInstance(value));
    } catch (cause) {
      instances.delete(name);
      report(new Error(`${name} is ignored: ${(cause as Error).message}`, { cause }));
    }
  }

  /**
   * A watch of our own on the driver's stream: the driver's watcher has no sign of a dead connection, and timers that outlive it. Rejects when the watch is over.
   */
  async function follow(revision: bigint, ctx: Context, changed: (response: IWatchResponse) => void): Promise<void> {
    if (ctx.cancelled !== undefined) return;
    const stream = await coded(client.watchClient.watch());
    await new Promise<void>((resolve, reject) => {
      let answered = true;
      let created = false;
      const pings = setInterval(() => {
        if (!answered) return end(new KitError("unavailable", `etcd has not answered within ${pingMs} ms`));
        answered = false;
        stream.write({ progress_request: {} });
      }, pingMs);
      // A call that is cancelled before it has a connection leaves gRPC's socket open for ever.
      const leave = ctx.onCancel(() => void (created && end()));

      function end(error?: Error): void {
        clearInterval(pings);
        leave();
        stream.cancel();
        if (error === undefined) resolve();
        else reject(error);
      }

      stream.on("data", (response: IWatchResponse) => {
        answered = created = true;
        if (ctx.cancelled !== undefined) end();
        else if (response.canceled) end(new KitError("unavailable", "etcd has ended the watch"));
        else if (response.events.length > 0) changed(response);
      });
      stream.on("error", (error: Error) => end(etcdError(error)));
      stream.on("end", () => end(new KitError("unavailable", "etcd has closed the stream")));
      stream.write({ create_request: { ...range, start_revision: String(revision) } });
    });
  }
}
