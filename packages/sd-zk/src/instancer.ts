import { setTimeout as delay } from "node:timers/promises";
import { type Context, codeOf } from "@kit/endpoint";
import { guarded, type Instance, type Instancer, watchInstancer } from "@kit/sd";
import { requireClient, requireMs, type ZkClient } from "./client.ts";
import type { Connection } from "./connection.ts";
import { requirePath } from "./node-path.ts";
import { parseValue } from "./value.ts";

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
  /** Missing while it is being read, and when it is no instance. */
  instance?: Instance;
  created: bigint;
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
      let changed = false;
      let wake = (): void => {};
      // From here on, before anything is asked: an event may come with the answer.
      const leave = [
        connection.follow(path, (node) => {
          if (node !== path) children.delete(node.slice(path.length + 1));
          changed = true;
          wake();
        }),
        connection.onEnd(() => wake()),
        ctx.onCancel(() => wake()),
      ];
      try {
        while (ctx.cancelled === undefined) {
          changed = false;
          await readInto(children, connection, ctx);
          update(newestOf(children));
          await delay(intervalMs, undefined, { signal: ctx.signal }).catch(() => {});
          while (!changed && ctx.cancelled === undefined) {
            if (connection.ended !== undefined) throw connection.ended;
            await new Promise<void>((resolve) => (wake = resolve));
          }
        }
      } finally {
        for (const end of leave) end();
      }
    },
  });

  /** Reads the list, and those of it that are not known. */
  async function readInto(children: Map<string, Child>, connection: Connection, ctx: Context): Promise<void> {
    const names = new Set(await namesAt(connection));
    for (const name of children.keys()) if (!names.has(name)) children.delete(name);
    const rest = names.values();
    await Promise.all(
      Array.from({ length: readers }, async () => {
        for (const name of rest) {
          if (ctx.cancelled !== undefined) return;
          if (!children.has(name)) await readOne(children, name, connection);
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

  /** What changes while it is read loses its place, so that the old answer ends up nowhere and it is read again. */
  async function readOne(children: Map<string, Child>, name: string, connection: Connection): Promise<void> {
    const child: Child = { created: 0n };
    children.set(name, child);
    try {
      const { data, created } = await connection.read(`${path}/${name}`);
      child.created = created;
      child.instance = parseValue(data);
    } catch (cause) {
      if (connection.ended !== undefined) throw connection.ended;
      if (codeOf(cause) === "not_found") return;
      report(new Error(`${path}/${name} is ignored: ${(cause as Error).message}`, { cause }));
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
