import { KitError } from "@kit/endpoint";
import { limit } from "@kit/transport";
import { type Channel, type ChannelModel, connect, type ConfirmChannel, type SocketOptions } from "amqplib";
import type { Socket } from "node:net";
import { type AmqpChannel, type AmqpChannelOptions, keptChannel } from "./channel.ts";
import { gatherWrites } from "./gather.ts";
import { Kept } from "./kept.ts";
import { within } from "./within.ts";

/** How long a broker may take to say goodbye, in ms, before its socket is cut: one that is stopped never does. */
const goodbyeMs = 1_000;

/** Either `url` or `connect`. */
export type AmqpConnectionOptions = AmqpConnectionByUrl | AmqpConnectionByConnect;

interface AmqpConnectionCommon {
  /** How long connecting may take, in ms, the handshake included. @default 10_000 — a broker under load takes seconds */
  readonly connectTimeoutMs?: number;
  /** The longest wait between two attempts, in ms. Waits begin at 100 ms and double, half of each left to chance. @default 5_000 — a fleet that comes back together does not hurt a broker that has just started */
  readonly maxBackoffMs?: number;
  /** Hears why a connection or a channel was lost or could not be opened: the place for logs. @default nobody hears */
  readonly onError?: (error: KitError) => void;
}

/** We connect. */
export interface AmqpConnectionByUrl extends AmqpConnectionCommon {
  /** `amqp://user:password@host:port/vhost` or `amqps://…`, with amqplib's parameters. */
  readonly url: string;
  /**
   * How often both sides prove that they live, in ms, in whole seconds; a connection is given up after two to three silent ones. A `heartbeat` in the URL
   * goes before. @default 10_000 — RabbitMQ suggests 60 s, with which a half-open connection is noticed after minutes
   */
  readonly heartbeatMs?: number;
  /** TLS settings, credentials and client properties, as amqplib takes them. @default none */
  readonly socket?: Omit<SocketOptions, "noDelay" | "timeout">;
  readonly connect?: never;
}

/** You connect. */
export interface AmqpConnectionByConnect extends AmqpConnectionCommon {
  /** Makes one connection; called again after each loss. Give amqplib a heartbeat, or a half-open connection is noticed late. What it makes is ours to close. */
  readonly connect: () => Promise<ChannelModel>;
  readonly url?: never;
  readonly heartbeatMs?: never;
  readonly socket?: never;
}

/** A connection that comes back, shared by any number of clients and servers. Whoever makes it closes it, after them. */
export interface AmqpConnection extends AsyncDisposable {
  /**
   * Resolves when it is connected, rejects when the attempt that is being made fails or the next one is waited for. It connects when first needed.
   *
   * @throws {KitError} `unavailable`.
   */
  ready(): Promise<void>;
  /** Why the broker takes no messages, while it does not (it lacks memory or disk). */
  readonly blocked: string | undefined;
  /** A channel that is opened again with all that is set up on it, whenever it or the connection was lost. Clients and servers have their own. */
  channel(options?: AmqpChannelOptions): AmqpChannel;
  /** Closes the connection with all its channels. Idempotent; takes a second where the broker does not answer. */
  close(): Promise<void>;
}

/**
 * Keeps a connection to a broker, with Nagle's algorithm off.
 *
 * @throws {TypeError} for a URL that is none, neither or both of `url` and `connect`, or a limit that is not a positive number.
 */
export function amqpConnection(options: AmqpConnectionOptions): AmqpConnection {
  const connectTimeoutMs = limit("amqpConnection: connectTimeoutMs", options.connectTimeoutMs, 10_000);
  const maxBackoffMs = limit("amqpConnection: maxBackoffMs", options.maxBackoffMs, 5_000);
  const { onError = () => {} } = options;
  const dial = dialer(options, connectTimeoutMs);
  const channels = new Set<Kept<Channel | ConfirmChannel>>();
  let blocked: string | undefined;

  const fail = (message: string, cause: unknown): KitError => {
    const error = new KitError("unavailable", `amqp: ${message}`, { cause, notSent: true });
    onError(error);
    return error;
  };

  const open = async (lost: (why: KitError) => void): Promise<ChannelModel> => {
    const model = await timed(dial(), connectTimeoutMs).catch((cause: unknown) => {
      throw fail("cannot connect", cause);
    });
    let broken = false;
    blocked = undefined;
    const socket = socketOf(model);
    if (socket !== undefined) gatherWrites(socket.setNoDelay(true));
    // Each failure is told once, by the close that follows it.
    model.on("error", () => (broken = true));
    model.on("blocked", (reason) => (blocked = reason));
    model.on("unblocked", () => (blocked = undefined));
    model.on("close", (cause) => {
      // amqplib only ends its side, which a peer that does not answer would leave open for ever.
      if (broken) socket?.destroy();
      if (connection.current === model) lost(fail("the connection was lost", cause));
    });
    return model;
  };

  const connection = new Kept<ChannelModel>({
    open,
    close: async (model) => {
      if (!(await within(goodbyeMs, closing(model)))) socketOf(model)?.destroy();
    },
    onUp: () => {
      for (const channel of channels) channel.hurry();
    },
    maxBackoffMs,
  });

  const close = async (): Promise<void> => {
    const closed = connection.close();
    await Promise.all([...channels].map((channel) => channel.close()));
    await closed;
  };
  return {
    ready: async () => void (await connection.ready()),
    get blocked() {
      return blocked;
    },
    channel(channelOptions = {}) {
      const channel = keptChannel(connection, channelOptions, maxBackoffMs, onError);
      channels.add(channel);
      const closeChannel = (): Promise<void> => {
        channels.delete(channel);
        return channel.close();
      };
      return {
        get current() {
          return channel.current;
        },
        ready: () => channel.ready(),
        close: closeChannel,
        [Symbol.asyncDispose]: closeChannel,
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function dialer(options: AmqpConnectionOptions, timeout: number): () => Promise<ChannelModel> {
  const { url, connect: own, heartbeatMs, socket } = options;
  if ((url === undefined) === (own === undefined))
    throw new TypeError("amqpConnection: give either url or connect, not both");
  if (own !== undefined) {
    if (typeof own !== "function") throw new TypeError("amqpConnection: connect must be a function");
    return own;
  }
  // The URL may hold a password, so it is not repeated.
  if (!URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol))
    throw new TypeError("amqpConnection: url must begin with amqp:// or amqps://");
  const target = new URL(url);
  const heartbeat = Math.ceil(limit("amqpConnection: heartbeatMs", heartbeatMs, 10_000) / 1_000);
  if (!target.searchParams.has("heartbeat")) target.searchParams.set("heartbeat", String(heartbeat));
  return () => connect(target.href, { ...socket, noDelay: true, timeout });
}

/** A connection that comes too late is closed. */
function timed(dialled: Promise<ChannelModel>, timeoutMs: number): Promise<ChannelModel> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(new Error(`no connection within ${timeoutMs} ms`));
    }, timeoutMs);
    dialled.then(
      (model) => {
        clearTimeout(timer);
        if (!late) return resolve(model);
        model.on("error", () => {});
        void within(goodbyeMs, closing(model)).then(() => socketOf(model)?.destroy());
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** amqplib throws at once where there is nothing left to close. */
async function closing(model: ChannelModel): Promise<void> {
  await model.close();
}

/** Not in amqplib's types, but there is no other way to it. */
function socketOf({ connection }: ChannelModel): Socket | undefined {
  return (connection as { readonly stream?: Socket }).stream;
}
