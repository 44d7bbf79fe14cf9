import { setTimeout as delay } from "node:timers/promises";
import { type Context, codeOf } from "@kit/endpoint";
import { decodeInstance, guarded, type Instance, type Instancer, requireMs, watchInstancer } from "@kit/sd";
import { requireClient, type ZkClient } from "./client.ts";
import type { Connection } from "./connection.ts";
import { requirePath } from "./node-path.ts";

export interface ZkInstancerOptions {
  /** Over whose connection to watch; not closed here. */
  readonly client: ZkClient;
  /** The service's node, such as `/services/addsvc`; made if it is not there. Each child of it is an instance. */
  readonly path: string;
  /** The shortest time between two readings of the list, in ms; what changes in between is read together. @default 100, so at most ten a second, however many change */
  readonly intervalMs?: number;
  /** Told of nodes that are no instances or may not be read, each time they are read. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/** A child, as far as it is known. */
interface Child {
  /** Undefined when it is no instance. */
  instance: Instance | undefined;
  created: bigint;
  /** Whether it has changed since it was asked for. Until it has been read again, what it said before counts. */
  changed: boolean;
}

/** How many children are asked for before the first has answered. */
const readers = 64;

/**
 * Lists the children of a node and reads what each says, once; then it watches both. When the connection is lost, it lists anew: after 0.1 to 10 s, at any server of the
 * client. It keeps the process alive until it is closed.
 *
 * @throws {TypeError} when an option is wrong. Subscribers are told `unavailable`, `deadline_exceeded`, `permission_denied`, `unauthenticated` or `failed_precondition`.
 * @see go-kit sd/zk/instancer.go
 */
export function zkInstancer(options: ZkInstancerOptions): Instancer {
  const { intervalMs = 100, onError } = options;
  const client = requireClient("zkInstancer", options.client);
  const path = client.resolve(requirePath("zkInstancer: path", options.path));
  requireMs("zkInstancer: intervalMs", intervalMs, 1);
  const report = guarded(onError);

  return watchInstancer({
    async watch(update, ctx) {
      const connection = await client.connected(ctx);
      const children = new Map<string, Child>();
      let wake = (): void => {};
      const leave = [
        connection.follow(path, (node) => {
          const child = children.get(node.slice(path.length + 1));
          if (child !== undefined) child.changed = true;
          wake();
        }),
        connection.onEnd(() => wake()),
        ctx.onCancel(() => wake()),
      ];
      try {
        while (ctx.cancelled === undefined) {
          // Before anything is asked: an event may come with the answer.
          const change = new Promise<void>((resolve) => (wake = resolve));
          await readInto(children, connection, ctx);
          update(newestOf(children));
          await delay(intervalMs, undefined, { signal: ctx.signal }).catch(() => {});
          await change;
          if (connection.ended !== undefined) throw connection.ended;
        }
      } finally {
        for (const end of leave) end();
      }
    },
  });

  /** Reads the list, and those of it that are new or have changed. */
  async function readInto(children: Map<string, Child>, connection: Connection, ctx: Context): Promise<void> {
    const names = new Set(await namesAt(connection));
    for (const name of children.keys()) if (!names.has(name)) children.delete(name);
    const rest = names.values();
    await Promise.all(
      Array.from({ length: readers }, async () => {
        for (const name of rest) {
          if (ctx.cancelled !== undefined) return;
          const child = children.get(name) ?? { instance: undefined, created: 0n, changed: true };
          children.set(name, child);
          if (child.changed) await readOne(child, `${path}/${name}`, connection);
        }
      }),
    );
  }

  async function namesAt(connection: Connection): Promise<readonly string[]> {
    try {
      return await connection.children(path);
    } catch (error) {
      if (codeOf(error) !== "not_found") throw error;
      await connection.makePath(path);
      return connection.children(path);
    }
  }

  async function readOne(child: Child, node: string, connection: Connection): Promise<void> {
    child.changed = false;
    try {
      const { data, created } = await connection.read(node);
      child.created = created;
      child.instance = decodeInstance(data);
    } catch (cause) {
      if (connection.ended !== undefined) throw connection.ended;
      child.instance = undefined;
      if (codeOf(cause) === "not_found") return;
      report(new Error(`${node} is ignored: ${(cause as Error).message}`, { cause }));
    }
  }
}

/** Whoever died and came back may be there twice until its old session expires; what it said last counts. */
function newestOf(children: ReadonlyMap<string, Child>): Iterable<Instance> {
  const newest = new Map<string, Child>();
  for (const child of children.values()) {
    if (child.instance === undefined) continue;
    const other = newest.get(child.instance.address);
    if (other === undefined || other.created < child.created) newest.set(child.instance.address, child);
  }
  return Array.from(newest.values(), ({ instance }) => instance!);
}
