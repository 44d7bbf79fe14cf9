import { type CallInfo, callInfo, codeOf, type Context, extract, KitError, refusal } from "@kit/endpoint";
import {
  type IncomingCall,
  IncomingCalls,
  limit,
  parseTimeout,
  type ServerHooks,
  type ServerOperation,
  type ServerSteps,
  serverSteps,
} from "@kit/transport";
import type { Channel, ConsumeMessage, Options } from "amqplib";
import { Acknowledgements } from "./acknowledgements.ts";
import { cancelExchange, cancelKey, queueName } from "./cancellation.ts";
import type { AmqpConnection } from "./connection.ts";
import { AmqpDelivery } from "./delivery.ts";
import { encodeError } from "./json.ts";
import { type AmqpPublishing, bytesOf } from "./publishing.ts";
import { within } from "./within.ts";

/**
 * What becomes of a message that failed:
 * - `ack`: the caller is told, and that is all;
 * - `requeue`: the caller is not told, and the message is delivered once more; one that has been already is taken for `deadLetter`, so that none goes round for ever;
 * - `deadLetter`: the caller is told, and the queue's dead-letter exchange gets the message, where it has one.
 */
export type AmqpSettlement = "ack" | "requeue" | "deadLetter";

/** Options of every AMQP server. */
export interface AmqpServerCommon extends ServerHooks<AmqpDelivery, AmqpPublishing> {
  /** Yours, so yours to close. */
  readonly connection: AmqpConnection;
  /** How many messages of each queue are in hand at once; the others wait in the broker, for this server or another. @default 64 — it keeps one process busy, and what a slow one hoards is little */
  readonly prefetch?: number;
  /** As amqplib's `assertQueue` takes them, or `"existing"` for queues that somebody else declares. @default `{ durable: true }` — they outlive servers and brokers, so calls wait for a server that restarts */
  readonly queueOptions?: Options.AssertQueue | "existing";
  /** More to set up whenever the channel is opened, when the queues are there: bindings to exchanges. @default nothing */
  readonly setup?: (channel: Channel) => Promise<void>;
  /** The longest request taken, in bytes. @default 1_048_576 — ample for JSON */
  readonly maxBytes?: number;
  /** The longest reply sent, in bytes. @default 16_777_216 — beyond RabbitMQ 4's own bound it would close the channel */
  readonly maxReplyBytes?: number;
  /** The longest that a call may take, in ms, whatever its caller wants; `Infinity` for no bound. @default 60_000 — as on HTTP */
  readonly maxTimeoutMs?: number;
  /** What becomes of a message that failed. @default `"ack"`. @see go-kit SingleNackRequeueErrorEncoder, ReplyErrorEncoder, ReplyAndAckErrorEncoder */
  readonly settle?: (error: unknown, message: AmqpDelivery) => AmqpSettlement;
}

export interface CloseAmqpOptions {
  /** How long calls in hand may go on, in ms; then they end, and their messages go back to their queues. @default 10_000 — under the 30 s that Kubernetes waits before it kills */
  readonly timeoutMs?: number;
}

/** What consumes from queues, until it is closed. */
export interface AmqpServer extends AsyncDisposable {
  /** Resolves when it consumes; rejects with what stands in the way, when an attempt fails or the next one is waited for. */
  ready(): Promise<void>;
  /**
   * Takes nothing new, finishes what is in hand, replies and acknowledges, and lets go of its channels. The connection stays. Idempotent.
   *
   * @returns whether every call in hand could finish; the messages of the others are delivered again, to another server.
   */
  close(options?: CloseAmqpOptions): Promise<boolean>;
}

/** One queue and what is done with its messages. */
export interface AmqpOperation<Request = any, Response = any> extends ServerOperation<
  AmqpDelivery,
  AmqpPublishing,
  Request,
  Response
> {
  readonly queue: string;
  readonly service: string;
  readonly method: string;
}

/** A request, where it came from, and what has become of it. */
class Served extends AmqpDelivery {
  readonly source: Source;
  call: IncomingCall | undefined = undefined;

  constructor(message: ConsumeMessage, source: Source) {
    super(message);
    this.source = source;
  }
}

/** One channel, while it is open. */
interface Source {
  readonly channel: Channel;
  readonly acknowledgements: Acknowledgements;
  /** Consumer tags by queue. */
  readonly consumers: Map<string, string>;
}

const lost = refusal("canceled", "amqp: the channel was lost, so the message will be delivered again");

export function amqpServer(where: string, options: AmqpServerCommon, operations: readonly AmqpOperation[]): AmqpServer {
  const { connection, setup, settle = () => "ack", onError, queueOptions = { durable: true } } = options;
  if (typeof connection?.channel !== "function") throw new TypeError(`${where}: connection must be an amqpConnection`);
  const prefetch = limit(`${where}: prefetch`, options.prefetch, 64);
  if (!Number.isInteger(prefetch) || prefetch > 65_535)
    throw new TypeError(`${where}: prefetch must be a whole number up to 65535, got ${prefetch}`);
  const maxBytes = limit(`${where}: maxBytes`, options.maxBytes, 1_048_576);
  const maxReplyBytes = limit(`${where}: maxReplyBytes`, options.maxReplyBytes, 16_777_216);
  const maxTimeoutMs = limit(`${where}: maxTimeoutMs`, options.maxTimeoutMs, 60_000);

  const calls = new IncomingCalls();
  const byId = new Map<string, IncomingCall>();
  /** Where messages come from; what came from an earlier channel cannot be acknowledged any more. */
  let live: Source | undefined;
  let closing: Promise<boolean> | undefined;

  const begin = (message: AmqpDelivery): IncomingCall => {
    const served = message as Served;
    if (served.body.length > maxBytes) throw new KitError("resource_exhausted", `body: larger than ${maxBytes} bytes`);
    const { correlationId, expiration } = served.properties;
    // When the message expires, nobody waits any more.
    const timeout = served.header("timeout-ms") ?? expiration;
    const timeoutMs =
      timeout === undefined ? maxTimeoutMs : Math.min(parseTimeout("timeout-ms", timeout), maxTimeoutMs);
    const call = (served.call = calls.begin(timeoutMs));
    if (correlationId !== undefined) byId.set(correlationId, call);
    return call;
  };

  const newReply = ({ properties: { replyTo = "", correlationId } }: AmqpDelivery): AmqpPublishing => ({
    exchange: "",
    routingKey: replyTo,
    headers: {},
    properties: correlationId === undefined ? {} : { correlationId },
    body: "",
  });

  const publish = (channel: Channel, message: AmqpPublishing): void => {
    const { exchange, routingKey, headers, properties } = message;
    // Nobody asked for a reply.
    if (routingKey === "" && exchange === "") return;
    const body = bytesOf(message);
    if (body.length > maxReplyBytes)
      throw new KitError("resource_exhausted", `amqp: a reply of more than ${maxReplyBytes} bytes`);
    channel.publish(exchange, routingKey, body, Object.assign(properties, { headers }));
  };

  const settled = (error: unknown, message: AmqpDelivery): AmqpSettlement => {
    try {
      const settlement = settle(error, message);
      return settlement === "requeue" && message.redelivered ? "deadLetter" : settlement;
    } catch (cause) {
      onError?.(cause, undefined);
      return "deadLetter";
    }
  };

  const send = (reply: AmqpPublishing, delivery: AmqpDelivery, error: unknown): void => {
    const { source, call, message, properties } = delivery as Served;
    if (byId.get(properties.correlationId) === call) byId.delete(properties.correlationId);
    if (source !== live) return;
    const { channel, acknowledgements } = source;
    // Not done, so not acknowledged: it goes back to the queue with the channel.
    if (closing !== undefined && isStop(error, call)) return;
    const settlement = error === undefined ? "ack" : settled(error, delivery);
    if (settlement === "requeue") return acknowledgements.nack(message, true);
    try {
      publish(channel, reply);
    } catch (cause) {
      const instead = newReply(delivery);
      encodeError(unsayable(cause), instead);
      publish(channel, instead);
      throw cause;
    } finally {
      if (settlement === "ack") acknowledgements.ack(message);
      else acknowledgements.nack(message, false);
    }
  };

  const stepsOf = ({ service, method }: AmqpOperation): ServerSteps<AmqpDelivery, AmqpPublishing> => {
    const info: CallInfo = { service, method, transport: "amqp" };
    const enter = (ctx: Context, message: AmqpDelivery): Context =>
      extract(ctx, (name) => message.header(name)).with(callInfo, info);
    const { before = [] } = options;
    return serverSteps({ ...options, before: [enter, ...before] }, { begin, newReply, encodeError, send });
  };

  const takers = operations.map((operation) => {
    const queue = queueName(`${where}: queue`, operation.queue);
    const steps = stepsOf(operation);
    const stray = (error: unknown): void => onError?.(error, undefined);
    const take = (message: ConsumeMessage, source: Source): void =>
      void steps(new Served(message, source), operation).catch(stray);
    return { queue, take };
  });
  const queues = takers.map(({ queue }) => queue);
  if (new Set(queues).size < queues.length) throw new TypeError(`${where}: two methods have one queue`);

  const declare = (channel: Channel, queue: string): Promise<unknown> =>
    queueOptions === "existing" ? channel.checkQueue(queue) : channel.assertQueue(queue, queueOptions);

  const channel = connection.channel({
    async setup(opened, gone) {
      await opened.prefetch(prefetch);
      for (const queue of queues) await declare(opened, queue);
      await setup?.(opened);
      const source: Source = { channel: opened, acknowledgements: new Acknowledgements(opened), consumers: new Map() };
      live = source;
      const consume = async ({ queue, take }: (typeof takers)[number]): Promise<void> => {
        const receive = (message: ConsumeMessage | null): void => {
          if (message !== null) take(message, source);
          // The broker has cancelled the consumer: the queue was deleted, or its node has gone. What else is in hand goes on.
          else if (closing === undefined)
            declare(opened, queue)
              .then(() => consume({ queue, take }))
              .catch(gone);
        };
        const { consumerTag } = await opened.consume(queue, receive);
        source.consumers.set(queue, consumerTag);
      };
      await Promise.all(takers.map(consume));
    },
    onLost() {
      live = undefined;
      // Their messages are delivered again, so what is done from now on would be done twice.
      calls.cancelAll(lost);
    },
  });

  // On a channel of its own: the broker closes one on which something is tried that is not allowed, and calls must not suffer.
  const cancels = connection.channel({
    optional: true,
    async setup(opened, gone) {
      const { queue } = await opened.assertQueue("", { exclusive: true });
      for (const name of queues) await opened.bindQueue(queue, cancelExchange, cancelKey(name));
      const receive = (message: ConsumeMessage | null): void => {
        if (message === null) return gone(new Error("the queue of cancellations was deleted"));
        byId.get(message.properties.correlationId)?.cancel();
      };
      await opened.consume(queue, receive, { noAck: true });
    },
  });

  const close = async (timeoutMs: number): Promise<boolean> => {
    const start = performance.now();
    if (live !== undefined) {
      const { channel: opened, consumers } = live;
      await within(timeoutMs, Promise.all(Array.from(consumers.values(), (tag) => opened.cancel(tag))));
    }
    const finished = await calls.drain(Math.max(0, timeoutMs - (performance.now() - start)));
    live?.acknowledgements.flush();
    await Promise.all([channel.close(), cancels.close()]);
    return finished;
  };

  // It consumes from the start; whoever wants to know asks `ready`.
  const ready = async (): Promise<void> => {
    await Promise.all([channel.ready(), cancels.ready().catch(() => {})]);
  };
  ready().catch(() => {});
  const closed = ({ timeoutMs = 10_000 }: CloseAmqpOptions = {}): Promise<boolean> => (closing ??= close(timeoutMs));
  return {
    ready,
    close: closed,
    async [Symbol.asyncDispose]() {
      await closed();
    },
  };
}

/** Whether the call was cut because the server stops. */
function isStop(error: unknown, call: IncomingCall | undefined): boolean {
  return error !== undefined && error === call?.context.cancelled && codeOf(error) === "unavailable";
}

/** What the caller of an endpoint is told whose response a message cannot hold. */
function unsayable(cause: unknown): unknown {
  return codeOf(cause) === "unknown" ? new KitError("internal", "amqp: the reply cannot be said") : cause;
}
