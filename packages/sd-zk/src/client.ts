import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { type Context, KitError } from "@kit/endpoint";
import { optionError, requireMs } from "@kit/sd";
import { type AclEntry, parseAcl } from "./acl.ts";
import { type Connection, openConnection, type Session } from "./connection.ts";
import { parseServers } from "./servers.ts";

/** Who a client is, as `addauth` of `zkCli.sh` takes it. */
export interface ZkAuth {
  /** Such as `digest`. */
  readonly scheme: string;
  /** Such as `user:password`. */
  readonly auth: string;
}

export interface ZkClientOptions {
  /** ZooKeeper's connect string: any number of servers, of which any may be down, and a node to live below, such as `a:2181,b:2181/team`. */
  readonly servers: string;
  /**
   * How long what was registered stays listed after its process has died, in ms; the servers may have limits of their own. A silent server is given up after two thirds of it.
   * At least 1000. @default 5000, as in go-kit
   */
  readonly sessionTimeoutMs?: number;
  /** How long one server may take to answer a new connection, in ms. @default 2000, as in go-kit */
  readonly connectTimeoutMs?: number;
  /** @default anyone */
  readonly auth?: ZkAuth;
  /** Who may do what with the nodes made here, each as `zkCli.sh` writes it. @default ["world:anyone:cdrwa"], as in go-kit; with `auth`, `["auth::cdrwa"]` keeps strangers out */
  readonly acl?: readonly string[];
  /** For ZooKeeper's secure port: a CA, a certificate with its key, and the like. @default no TLS */
  readonly tls?: TlsOptions;
}

/** Keeps a session with ZooKeeper for any number of instancers and registrars. Its maker closes it, after them. */
export interface ZkClient extends AsyncDisposable {
  /** Ends the session, with which all that is still registered goes. Never rejects. Idempotent. */
  close(): Promise<void>;
}

/** What instancers and registrars have of a client. */
export interface Sessions {
  readonly sessionTimeoutMs: number;
  /** The path on the servers of a path of the user's. */
  resolve(path: string): string;
  /** The connection there is, or a new one. Rejects when no server will have us, or when the context ends. */
  connected(ctx: Context): Promise<Connection>;
  /** Does something over the connection there is. Where that turns out to be lost, which may not have been noticed before, once more over a new one. */
  use<Result>(ctx: Context, act: (connection: Connection) => Promise<Result>): Promise<Result>;
  /** Removes a node of the session; where it rejects, the node goes when there is a connection again, if the session still lives then. */
  remove(path: string, ctx: Context): Promise<void>;
}

/** How long nobody is asked again after a failure to connect, in ms: those who want a connection may be many. */
const restMs = 100;

const sessionsOf = new WeakMap<ZkClient, Sessions>();

/** @throws {TypeError} unless it is a client. */
export function requireClient(caller: string, client: ZkClient): Sessions {
  const sessions = sessionsOf.get(client);
  if (sessions === undefined) throw optionError(`${caller}: client`, "a zkClient", client);
  return sessions;
}

/**
 * Connects to ZooKeeper when something is first asked of it, and again whenever the connection is lost; a session that has expired is followed by a new one. While it is
 * connected it keeps the process alive.
 *
 * @throws {TypeError} when an option is wrong.
 * @see go-kit sd/zk/client.go
 */
export function zkClient(options: ZkClientOptions): ZkClient {
  const { servers, chroot } = parseServers(options.servers);
  const { sessionTimeoutMs = 5_000, connectTimeoutMs = 2_000, auth, tls } = options;
  requireMs("zkClient: sessionTimeoutMs", sessionTimeoutMs, 1_000);
  requireMs("zkClient: connectTimeoutMs", connectTimeoutMs, 1);
  if (auth !== undefined && !(isText(auth.scheme) && isText(auth.auth))) {
    throw new TypeError("zkClient: auth must have a scheme and an auth, neither of them empty");
  }
  const acl: readonly AclEntry[] = parseAcl(options.acl ?? ["world:anyone:cdrwa"]);

  /** Not all clients begin at the same server. */
  let next = Math.floor(Math.random() * servers.length);
  let session: Session | undefined;
  let current: Connection | undefined;
  let opening: Promise<Connection> | undefined;
  let restUntil = 0;
  /** Nodes of the session that are to go. */
  const unwanted = new Set<string>();
  let closed: Promise<void> | undefined;

  function connection(): Promise<Connection> {
    if (opening === undefined || closed !== undefined) opening = open();
    return opening;
  }

  /** Asks each server once. */
  async function open(): Promise<Connection> {
    try {
      const rest = restUntil - performance.now();
      if (rest > 0) await delay(rest);
      for (let left = servers.length; ; left--) {
        try {
          return await openAt((next = (next + 1) % servers.length));
        } catch (error) {
          if (left === 1) throw error;
        }
      }
    } catch (error) {
      opening = undefined;
      restUntil = performance.now() + restMs;
      throw error;
    }
  }

  async function openAt(server: number): Promise<Connection> {
    if (closed !== undefined) throw new KitError("failed_precondition", "the ZooKeeper client is closed");
    const made = (current = openConnection({
      server: servers[server]!,
      session,
      sessionTimeoutMs,
      connectTimeoutMs,
      auth,
      acl,
      tls,
    }));
    if ((await made.ready) === "expired") {
      session = undefined;
      unwanted.clear();
      return openAt(server);
    }
    session = made.session;
    made.onEnd(() => {
      opening = undefined;
    });
    for (const path of unwanted) made.remove(path).then(() => unwanted.delete(path), ignore);
    return made;
  }

  const sessions: Sessions = {
    sessionTimeoutMs,
    resolve: (path) => chroot + path,
    connected: (ctx) =>
      new Promise((resolve, reject) => {
        const leave = ctx.onCancel(reject);
        connection().then(resolve, reject).finally(leave);
      }),
    async use(ctx, act) {
      const used = await sessions.connected(ctx);
      try {
        return await act(used);
      } catch (error) {
        if (used.ended?.code !== "unavailable" || ctx.cancelled !== undefined) throw error;
        return act(await sessions.connected(ctx));
      }
    },
    async remove(path, ctx) {
      unwanted.add(path);
      await sessions.use(ctx, (made) => made.remove(path));
      unwanted.delete(path);
    },
  };

  function close(): Promise<void> {
    return (closed ??= Promise.resolve().then(() => current?.close()));
  }

  const client: ZkClient = { close, [Symbol.asyncDispose]: close };
  sessionsOf.set(client, sessions);
  return client;
}

function ignore(): void {}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
