import { callInfo, type CallInfo, type Context, type Endpoint, extract, KitError, refusal } from "@kit/endpoint";
import {
  type IncomingCall,
  IncomingCalls,
  limit,
  parseTimeout,
  type ServerHooks,
  type ServerOperation,
  serverSteps,
  type ServerWire,
} from "@kit/transport";
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { encodeError, publishError } from "./error.ts";
import { NatsIncoming } from "./incoming.ts";
import { NatsOutgoing, publish } from "./outgoing.ts";
import { cancelSubject } from "./subject.ts";
import { timeoutHeader } from "./timeout-header.ts";
import { within } from "./within.ts";

/** What go-kit calls SubscriberOptions, by its names. They run in this order: before, decode, the endpoint, after, encode; finalizer always. */
export type NatsServerHooks = ServerHooks<NatsIncoming, NatsOutgoing>;

/** Options of every NATS server. */
export interface NatsServerOptions extends NatsServerHooks {
  /** Yours, so yours to close. */
  readonly connection: NatsConnection;
  /** The longest request taken, in bytes; beyond, `resource_exhausted`. @default 1_048_576 — what a NATS server lets through by default */
  readonly maxBytes?: number;
  /**
   * The most calls in hand at once; beyond, `resource_exhausted` at once. @default 10_000 — NATS knows no back-pressure, and a burst that is soon done should
   * pass. Lower it where requests are large or slow
   */
  readonly maxInFlight?: number;
  /** The longest that a call may take, in ms, whatever its caller wants; `Infinity` for no bound. @default 60_000 */
  readonly maxTimeoutMs?: number;
}

export interface CloseNatsOptions {
  /** How long calls in hand may go on, in ms; then they are ended with `unavailable`. @default 10_000 — under the 30 s that Kubernetes waits before it kills */
  readonly timeoutMs?: number;
}

/** What is served; to be closed before its connection, since what is in hand could not be answered after that. */
export interface NatsServer extends AsyncDisposable {
  /** Resolves when the NATS server has the subscriptions, so that callers on other connections find them; rejects when it does not allow one. */
  ready(): Promise<void>;
  /**
   * Unsubscribes, does what had arrived by then, lets calls in hand finish, and resolves when the NATS server has their replies. Idempotent.
   *
   * @returns whether every call in hand could finish.
   */
  close(options?: CloseNatsOptions): Promise<boolean>;
}

/** One subject as it is served. */
export interface Place {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly service: string;
  readonly method: string;
  readonly endpoint: Endpoint<any, any>;
  readonly decode: ServerOperation<NatsIncoming, NatsOutgoing>["decode"];
  readonly encode: ServerOperation<NatsIncoming, NatsOutgoing>["encode"];
}

/** Serves some subjects with one bound on all their calls. */
export function serveAt(where: string, places: readonly Place[], options: NatsServerOptions): NatsServer {
  const { connection, errorEncoder = encodeError, onError } = options;
  const maxBytes = limit(`${where}: maxBytes`, options.maxBytes, 1_048_576);
  const maxInFlight = limit(`${where}: maxInFlight`, options.maxInFlight, 10_000);
  const maxTimeoutMs = limit(`${where}: maxTimeoutMs`, options.maxTimeoutMs, 60_000);
  const tooLarge = refusal("resource_exhausted", `a request of more than ${maxBytes} bytes`);
  const tooMany = refusal("resource_exhausted", `more than ${maxInFlight} calls at once`);

  const calls = new IncomingCalls();
  /** Those that can be cancelled. */
  const byReply = new Map<string, IncomingCall>();

  const wire: ServerWire<NatsIncoming, NatsOutgoing> = {
    begin(message) {
      if (message.data.length > maxBytes) throw tooLarge;
      if (calls.size >= maxInFlight) throw tooMany;
      const wanted = parseTimeout(timeoutHeader, message.header(timeoutHeader));
      const call = calls.begin(Math.min(wanted, maxTimeoutMs));
      if (message.reply !== undefined) byReply.set(message.reply, call);
      return call;
    },
    newReply: ({ reply = "" }) => new NatsOutgoing(reply),
    encodeError,
    send(reply, message) {
      if (message.reply === undefined) return undefined;
      byReply.delete(message.reply);
      try {
        return publish(connection, reply);
      } catch (cause) {
        return sayWhy(message.reply, cause);
      }
    },
  };

  /** The caller should not wait for a reply that NATS does not take. */
  const sayWhy = async (subject: string, cause: unknown): Promise<void> => {
    const { code, message } = publishError(cause);
    const error = new KitError(code === "invalid_argument" ? "internal" : code, message, { cause });
    const plain = new NatsOutgoing(subject);
    try {
      await errorEncoder(error, plain, undefined);
      publish(connection, plain);
    } catch {
      // Not even that can be said; `onError` hears the first reason.
    }
    throw error;
  };

  const heard = (error: unknown): void => onError?.(error, undefined);
  let refused: KitError | undefined;

  const subscribe = (place: Place): Subscription => {
    const info: CallInfo = { service: place.service, method: place.method, transport: "nats" };
    const open = (ctx: Context, message: NatsIncoming): Context => {
      const known = ctx.with(callInfo, info);
      // go-kit's callers send none.
      return message.message.headers === undefined ? known : extract(known, (name) => message.header(name));
    };
    const serve = serverSteps({ ...options, before: [open, ...(options.before ?? [])] }, wire);
    const callback = (cause: Error | null, message: Msg): void => {
      if (cause === null) return void serve(new NatsIncoming(message), place).catch(heard);
      refused = new KitError("permission_denied", `nats: not allowed to serve ${place.subject}`, { cause });
      heard(refused);
    };
    const { subject, queue } = place;
    return connection.subscribe(subject, queue === undefined ? { callback } : { callback, queue });
  };

  const cancel = (error: Error | null, message: Msg): void => {
    // Where it may not be heard, calls end at their deadline.
    if (error === null) byReply.get(message.string())?.cancel();
  };

  const subscriptions = places.map(subscribe);
  const cancellations = places.map(({ subject }) => connection.subscribe(cancelSubject(subject), { callback: cancel }));

  const ready = async (): Promise<void> => {
    try {
      await connection.flush();
    } catch (cause) {
      throw new KitError("unavailable", "nats: the connection is down", { cause });
    }
    // What it refuses, it refuses before it answers.
    if (refused !== undefined) throw refused;
  };

  const stop = async (timeoutMs: number): Promise<boolean> => {
    const until = performance.now() + timeoutMs;
    const left = (): number => Math.max(0, until - performance.now());
    await within(left(), Promise.allSettled(subscriptions.map((subscription) => subscription.drain())));
    const finished = await calls.drain(left());
    for (const subscription of cancellations) subscription.unsubscribe();
    if (!connection.isClosed()) await within(left(), connection.flush());
    return finished;
  };
  let closing: Promise<boolean> | undefined;
  const close = ({ timeoutMs }: CloseNatsOptions = {}): Promise<boolean> =>
    (closing ??= stop(limit("close: timeoutMs", timeoutMs, 10_000)));
  return {
    ready,
    close,
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}
