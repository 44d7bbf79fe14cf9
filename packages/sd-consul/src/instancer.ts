import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type Context, KitError } from "@kit/endpoint";
import { guarded, type Instance, type Instancer, recordReader, requireMs, requireText, watchInstancer } from "@kit/sd";
import type Consul from "consul";
import { call } from "./call.ts";
import { parseClients, parseTags } from "./clients.ts";
import { hasMarks, hasTags, instanceOf, marksOf } from "./entry.ts";

export interface ConsulInstancerOptions {
  /** Where to ask, with its token, TLS and data centre; not closed here. Of several one is asked, and the next when it fails. */
  readonly client: Consul | readonly Consul[];
  readonly service: string;
  /** An instance must have them all. Consul looks for the first, the rest is sorted out here. @default none */
  readonly tags?: readonly string[];
  /** Whether only instances count whose checks all pass. Without it a dead one stays until Consul removes it. @default true */
  readonly passingOnly?: boolean;
  /** How long one blocking query may wait for a change, in ms. A connection that has silently died is found out 10 s later. @default 30000 */
  readonly waitMs?: number;
  /** The least time from one query to the next, in ms, however often the service changes. @default 100, so ten queries a second at most */
  readonly minQueryMs?: number;
  /** Told of entries that make no sense, each time they come. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/** What Consul may take longer than it said that it would wait, in ms: it adds up to a sixteenth by itself. */
const graceMs = 10_000;

/**
 * Follows a service by blocking queries. The list is told when it changes, failures as errors while the last list stands; after one it asks again within
 * 0.1 to 10 s. It keeps the process alive until it is closed.
 *
 * @throws {TypeError} when an option is wrong. Subscribers are told `unavailable`, `unauthenticated`, `permission_denied`, `invalid_argument` or `resource_exhausted`.
 * @see go-kit sd/consul/instancer.go
 */
export function consulInstancer(options: ConsulInstancerOptions): Instancer {
  const { service, passingOnly = true, waitMs = 30_000, minQueryMs = 100, onError } = options;
  const clients = parseClients("consulInstancer", options.client);
  requireText("consulInstancer: service", service);
  const [tag, ...moreTags] = parseTags("consulInstancer", options.tags ?? []);
  requireMs("consulInstancer: waitMs", waitMs, 1_000);
  requireMs("consulInstancer: minQueryMs", minQueryMs, 1);
  const report = guarded(onError);
  let runs = 0;

  return watchInstancer({ watch: (update, ctx) => follow(clients[runs++ % clients.length]!, update, ctx) });

  async function follow(client: Consul, update: (instances: Iterable<Instance>) => void, ctx: Context): Promise<void> {
    let read = entryReader();
    for (let index = 0; ;) {
      const asked = performance.now();
      const { next, entries } = await call(ctx, (abort) => query(client, index, abort));
      // An index that goes back belongs to another history: Consul has lost its state.
      const begunAnew = next < index;
      if (begunAnew) read = entryReader();
      update(read(entries));
      index = begunAnew ? 0 : next;
      const early = minQueryMs - (performance.now() - asked);
      if (early > 0) await delay(early, undefined, { signal: ctx.signal });
    }
  }

  async function query(
    client: Consul,
    index: number,
    abort: EventEmitter,
  ): Promise<{ next: number; entries: readonly unknown[] }> {
    const request = {
      service,
      passing: passingOnly,
      ...(tag !== undefined && { tag }),
      index,
      wait: `${waitMs}ms`,
      // The first query is answered at once.
      timeout: graceMs + (index === 0 ? 0 : waitMs * (1 + 1 / 16)),
      ctx: Object.assign(abort, { includeResponse: true }),
    };
    const [response, body] = (await client.health.service(request)) as unknown as [IncomingMessage, unknown];
    const next = Number(response.headers["x-consul-index"]);
    // Without one every query would be answered at once.
    if (!(Number.isSafeInteger(next) && next > 0)) throw new KitError("unavailable", "Consul gave no sane index");
    if (!Array.isArray(body)) throw new KitError("unavailable", "Consul gave no list");
    return { next, entries: body };
  }

  /** For one history. */
  function entryReader(): (entries: readonly unknown[]) => Instance[] {
    return recordReader({ read: instanceIfSane, marks: marksOf, hasMarks });
  }

  function instanceIfSane(entry: unknown): Instance | undefined {
    if (!hasTags(entry, moreTags)) return undefined;
    try {
      return instanceOf(entry);
    } catch (cause) {
      report(new Error(`an entry of ${service} is ignored: ${(cause as Error).message}`, { cause }));
      return undefined;
    }
  }
}
