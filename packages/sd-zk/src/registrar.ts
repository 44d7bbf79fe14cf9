import { randomUUID } from "node:crypto";
import { background, type Context, KitError } from "@kit/endpoint";
import { backoff, encodeInstance, heartbeatRegistrar, type Instance, parseInstance, type Registrar } from "@kit/sd";
import { requireClient, type ZkClient } from "./client.ts";
import type { Connection } from "./connection.ts";
import { requirePath } from "./node-path.ts";

export interface ZkRegistrarOptions {
  /** In whose session the instance is registered; not closed here. */
  readonly client: ZkClient;
  /** The service's node, such as `/services/addsvc`; made if it is not there. Each instance is a child of it. go-kit's `Path` and `Name`, joined. */
  readonly path: string;
  readonly instance: Instance;
  /** Told why a renewal, a registration after it, or the deregistration of `close` failed. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/**
 * Announces an instance by an ephemeral node. When the node or its session is gone it is made again. It looks after its node three times a session's time.
 *
 * @throws {TypeError} when an option is wrong. `register` and `deregister` reject with `unavailable`, `deadline_exceeded`, `permission_denied`, `unauthenticated`, `invalid_argument`
 * (ZooKeeper does not take the client's `acl`) or `failed_precondition` (the client is closed, or the path leads over an ephemeral node).
 * @see go-kit sd/zk/registrar.go
 */
export function zkRegistrar(options: ZkRegistrarOptions): Registrar {
  const { onError } = options;
  const client = requireClient("zkRegistrar", options.client);
  const path = client.resolve(requirePath("zkRegistrar: path", options.path));
  const value = encodeInstance(parseInstance(options.instance));
  const heartbeatMs = client.sessionTimeoutMs / 3;
  let node: string | undefined;
  /** Those that ZooKeeper may hold, `node` among them. */
  const nodes = new Set<string>();

  async function announce(connection: Connection, ctx: Context): Promise<void> {
    // Nodes outlive connections.
    if (node !== undefined && (await connection.owns(node))) return;
    // A name of our own, so that the node can be removed even when the answer to its making was lost; a new one, so that what is given up cannot be taken for what follows.
    const made = `${path}/${randomUUID()}`;
    nodes.add(made);
    try {
      await connection.create(made, value);
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
    } catch (error) {
      client.remove(made, background).then(
        () => nodes.delete(made),
        () => {},
      );
      throw error;
    }
    node = made;
    await removeAllBut(made, ctx);
  }

  async function renew(ctx: Context): Promise<void> {
    const connection = await client.connected(ctx);
    if (!(await connection.owns(node!))) throw new KitError("not_found", "the node is gone");
  }

  function deregister(ctx: Context): Promise<void> {
    node = undefined;
    return removeAllBut(undefined, ctx);
  }

  async function removeAllBut(kept: string | undefined, ctx: Context): Promise<void> {
    for (const each of nodes) {
      if (each === kept) continue;
      await client.remove(each, ctx);
      nodes.delete(each);
    }
  }

  return heartbeatRegistrar({
    register: (ctx) => client.use(ctx, (connection) => announce(connection, ctx)),
    renew,
    deregister,
    heartbeatMs,
    backoff: backoff({ baseMs: Math.min(100, heartbeatMs), maxMs: heartbeatMs }),
    onError,
  });
}
