import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls";
import { type Code, codeOf, KitError } from "@kit/endpoint";
import { ACL, type Client, createClient, CreateMode, type Event, Id, State, type Stat } from "node-zookeeper-client";
import type { AclEntry } from "./acl.ts";
import { parentOf } from "./node-path.ts";
import type { ServerAddress } from "./servers.ts";
import { zkError } from "./zk-error.ts";

/** What makes a session the same over several connections. */
export interface Session {
  readonly id: Buffer;
  readonly password: Buffer;
}

interface Opening {
  readonly server: ServerAddress;
  /** The one to go on with; without it the server makes one. */
  readonly session: Session | undefined;
  readonly sessionTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly auth: { readonly scheme: string; readonly auth: string } | undefined;
  readonly acl: readonly AclEntry[];
  readonly tls: TlsOptions | undefined;
}

/** A node's data and the number of the transaction that made it. */
interface NodeData {
  readonly data: Buffer;
  readonly created: bigint;
}

/**
 * One connection to one server, in a session that may outlive it. Once it has ended, whatever was asked rejects with why, and nothing of it is done later on: a request
 * that was sent either was carried out before the session's next connection or never is.
 */
export interface Connection {
  /** Whether the session is alive; rejects when there is no connection after all. */
  readonly ready: Promise<"connected" | "expired">;
  /** Once it is connected. */
  readonly session: Session;
  /** Why it has ended. */
  readonly ended: KitError | undefined;
  /** Calls once when it ends, or at once if it has. Returns what takes the listener away. */
  onEnd(listener: (error: KitError) => void): () => void;
  /** Calls with a path when that node or its list of children has changed: `path` itself or a child, as far as it was read here. Returns what ends it. */
  follow(path: string, listener: (changed: string) => void): () => void;
  /** The names of the children, followed. */
  children(path: string): Promise<readonly string[]>;
  /** The data, followed. */
  read(path: string): Promise<NodeData>;
  /** Whether the node is there and of this session. */
  owns(path: string): Promise<boolean>;
  /** Makes an ephemeral node, and where they are missing the nodes above it. */
  create(path: string, data: Buffer): Promise<void>;
  /** Makes a persistent node and those above it, as far as they are missing. */
  makePath(path: string): Promise<void>;
  /** Resolves also when it was not there. */
  remove(path: string): Promise<void>;
  /** Ends the session, as far as the server can be reached, and the connection. */
  close(): Promise<void>;
}

/** The parts of the driver's inside that are driven from here; why is said in the README. */
interface Manager {
  socket: Socket;
  watcherManager: object;
  readonly pendingBuffer: Buffer | null;
  setState(state: number): void;
  onSocketConnected(): void;
  onSocketData(chunk: Buffer): void;
  onSocketDrain(): void;
}

/** The driver's number for it. */
const connecting = 1;

/** No answer is longer, in bytes: room for the names of a hundred thousand children. Java's client stops at 1 MiB. */
const maxAnswer = 4 * 1_024 * 1_024;

type Done<Result> = (error: object | null, result: Result) => void;

/**
 * Speaks the driver's protocol over a socket of our own. The driver's way of connecting again is left out: it knows no TLS and no deadline, keeps half an answer and unsent
 * requests for the next connection, and never gets over a server that has lost its data.
 */
export function openConnection(options: Opening): Connection {
  const { server, session, sessionTimeoutMs, connectTimeoutMs, auth, tls } = options;
  const driver = driverOf(sessionTimeoutMs, session);
  const manager = (driver as unknown as { readonly connectionManager: Manager }).connectionManager;
  const acl = options.acl.map(({ scheme, id, permissions }) => new ACL(permissions, new Id(scheme, id)));
  const followers = new Map<string, Set<(changed: string) => void>>();
  const endings = new Set<(error: KitError) => void>();
  const waiting = new Set<(error: KitError) => void>();
  let ended: KitError | undefined;
  let connected = false;
  let heardAt = performance.now();
  let timer: NodeJS.Timeout | undefined;

  const ready = new Promise<"connected" | "expired">((resolve, reject) => {
    endings.add(reject);
    timer = setTimeout(() => fail("deadline_exceeded", "ZooKeeper has not answered in time"), connectTimeoutMs);
    driver.on("state", (state) => {
      if (state === State.AUTH_FAILED) fail("unauthenticated", "ZooKeeper does not take the credentials");
      if (state === State.EXPIRED) {
        resolve("expired");
        fail("unavailable", "the ZooKeeper session has expired");
      }
      if (state === State.SYNC_CONNECTED) {
        connected = true;
        clearTimeout(timer);
        watchSilence();
        resolve("connected");
      }
    });
  });

  const socket = tls === undefined ? connectTcp({ ...server }) : connectTls({ ...server, ...tls });
  socket.setNoDelay();
  socket.on(tls === undefined ? "connect" : "secureConnect", () => manager.onSocketConnected());
  socket.on("data", (chunk: Buffer) => {
    heardAt = performance.now();
    try {
      manager.onSocketData(chunk);
    } catch (cause) {
      end(new KitError("unavailable", "ZooKeeper has sent what makes no sense", { cause }));
    }
    const size = (manager.pendingBuffer?.length ?? 0) < 4 ? 0 : manager.pendingBuffer!.readInt32BE();
    if (size < 0 || size > maxAnswer) fail("unavailable", "ZooKeeper has sent what makes no sense");
  });
  socket.on("drain", () => manager.onSocketDrain());
  socket.on("error", (error) => end(zkError(error)));
  socket.on("close", () => fail("unavailable", "ZooKeeper has closed the connection"));
  manager.socket = socket;
  // Of the driver's own watchers none can be taken away.
  manager.watcherManager = {
    isEmpty: () => true,
    registerDataWatcher: follows,
    registerChildWatcher: follows,
    emit({ path }: Event) {
      for (const place of [path, parentOf(path)]) for (const told of followers.get(place) ?? []) told(path);
    },
  };
  if (auth !== undefined) driver.addAuthInfo(auth.scheme, Buffer.from(auth.auth));
  manager.setState(connecting);

  /** The driver pings after a third of the session's time without traffic, but does not look for answers. */
  function watchSilence(): void {
    const left = heardAt + (driver.getSessionTimeout() * 2) / 3 - performance.now();
    if (left > 0) {
      timer = setTimeout(watchSilence, left);
    } else {
      // An answer may lie in the socket already when this process was busy for so long.
      setImmediate((since) => {
        if (ended !== undefined) return;
        if (heardAt > since) watchSilence();
        else fail("unavailable", "ZooKeeper has not answered for two thirds of the session's time");
      }, heardAt);
    }
  }

  function fail(code: Code, message: string): void {
    if (ended === undefined) end(new KitError(code, message));
  }

  function end(error: KitError): void {
    if (ended !== undefined) return;
    ended = error;
    clearTimeout(timer);
    socket.destroy();
    for (const tell of [...waiting, ...endings]) tell(error);
    followers.clear();
  }

  function onEnd(listener: (error: KitError) => void): () => void {
    if (ended !== undefined) listener(ended);
    else endings.add(listener);
    return () => void endings.delete(listener);
  }

  function ask<Result>(question: (done: Done<Result>) => void): Promise<Result> {
    if (ended !== undefined) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      waiting.add(reject);
      question((error, result) => {
        waiting.delete(reject);
        if (error) reject(zkError(error));
        else resolve(result);
      });
    });
  }

  async function create(path: string, data: Buffer): Promise<void> {
    const make = (): Promise<unknown> =>
      ask<string>((done) => driver.create(path, data, acl, CreateMode.EPHEMERAL, done));
    await make().catch(async (error: unknown) => {
      if (codeOf(error) !== "not_found") throw error;
      await makePath(parentOf(path));
      await make();
    });
  }

  /** From below, since the nodes above may not be ours to touch. */
  async function makePath(path: string): Promise<void> {
    const make = (): Promise<unknown> => ask<string>((done) => driver.create(path, acl, CreateMode.PERSISTENT, done));
    await make()
      .catch(async (error: unknown) => {
        if (codeOf(error) !== "not_found") throw error;
        await makePath(parentOf(path));
        await make();
      })
      .catch(unless("already_exists"));
  }

  return {
    ready,
    get session() {
      return { id: driver.getSessionId(), password: driver.getSessionPassword() };
    },
    get ended() {
      return ended;
    },
    onEnd,
    follow(path, listener) {
      const listeners = followers.get(path) ?? new Set();
      followers.set(path, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && followers.get(path) === listeners) followers.delete(path);
      };
    },
    children: (path) => ask<string[]>((done) => driver.getChildren(path, follows, done)),
    read: (path) =>
      ask<NodeData>((done) =>
        driver.getData(path, follows, (error, data: Buffer | undefined, stat) =>
          done(error, { data: data ?? Buffer.alloc(0), created: error ? 0n : stat.czxid.readBigInt64BE() }),
        ),
      ),
    async owns(path) {
      const stat = await ask<Stat | null>((done) => driver.exists(path, done));
      return stat !== null && stat.ephemeralOwner.equals(driver.getSessionId());
    },
    create,
    makePath,
    remove: (path) => ask<void>((done) => driver.remove(path, (error) => done(error))).catch(unless("not_found")),
    async close() {
      if (connected && ended === undefined) {
        driver.close();
        clearTimeout(timer);
        timer = setTimeout(() => fail("deadline_exceeded", "ZooKeeper has not answered in time"), connectTimeoutMs);
        await new Promise(onEnd);
      }
      fail("unavailable", "the ZooKeeper client is closed");
    },
  };
}

function driverOf(sessionTimeout: number, session: Session | undefined): Client {
  const own = session && { sessionId: session.id, sessionPassword: session.password };
  // The address is not used.
  return createClient("localhost", { sessionTimeout, retries: 0, ...own });
}

/** That there is a watcher has the driver ask for events; it is told of them elsewhere. */
function follows(): void {}

function unless(code: Code): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== code) throw error;
  };
}
