import { codeOf, type Context, inject, KitError, refusal } from "@kit/endpoint";
import { until } from "@kit/service";
import { type ClientHooks, limit, PendingCalls, timeoutText } from "@kit/transport";
import type { Channel, ConfirmChannel, Message } from "amqplib";
import { randomBytes } from "node:crypto";
import { cancelExchange, cancelKey } from "./cancellation.ts";
import type { AmqpChannel } from "./channel.ts";
import type { AmqpConnection } from "./connection.ts";
import { AmqpDelivery } from "./delivery.ts";
import { type AmqpPublishing, bytesOf } from "./publishing.ts";

/** Options of every AMQP client. */
export interface AmqpClientCommon extends ClientHooks<AmqpPublishing, AmqpDelivery> {
  /** Yours, so yours to close. */
  readonly connection: AmqpConnection;
  /** Have replies come to an exclusive queue, for brokers and servers that do not know direct reply-to. @default false, since a queue costs the broker more */
  readonly replyQueue?: boolean;
  /** Have the broker confirm each request, so that one it refuses (a full queue, say) fails at once. @default false, since the reply says it as well */
  readonly confirm?: boolean;
  /** The longest reply taken, in bytes; what reaches memory is bounded by the broker's `max_message_size`. @default 4_194_304 — as on HTTP; gRPC's bound too */
  readonly maxBytes?: number;
  /** The longest request sent, in bytes. @default 16_777_216 — beyond RabbitMQ 4's own bound it would close the channel under all calls */
  readonly maxRequestBytes?: number;
  /** The most that waits for a socket that is full, in bytes; then calls are refused. @default 16_777_216 */
  readonly maxBufferBytes?: number;
}

/** What differs in how a client was made. */
interface CallerOptions extends AmqpClientCommon {
  readonly timeoutMs: number;
  /** Nobody replies. */
  readonly sendAndForget: boolean;
}

const directReplyTo = "amq.rabbitmq.reply-to";

/** RabbitMQ takes no longer ones. */
const longestExpirationMs = 4_294_967_295;

// Made once, for they may come by the thousand.
const lost = refusal("unavailable", "amqp: the connection was lost");
const closed = refusal("unavailable", "amqp: the client is closed", { notSent: true });
const cut = refusal("unavailable", "amqp: the client was closed");
const blocked = refusal("unavailable", "amqp: the broker takes no messages", { notSent: true });
const full = refusal("resource_exhausted", "amqp: too much waits to be sent", { notSent: true });

const empty = Buffer.alloc(0);

/** What a call comes to that has no reply. */
const nothing = new AmqpDelivery({ content: empty, properties: {}, fields: { redelivered: false } } as never);

/** Takes messages to their queues and back, over one channel. */
export class Caller {
  readonly #connection: AmqpConnection;
  readonly #pending: PendingCalls<string, AmqpDelivery>;
  readonly #timeoutMs: number;
  readonly #timeout: string | undefined;
  readonly #maxBytes: number;
  readonly #maxRequestBytes: number;
  readonly #maxBufferBytes: number;
  readonly #confirm: boolean;
  readonly #forget: boolean;
  /** Nobody can guess another's ids, so nobody can cancel another's calls. */
  readonly #prefix = randomBytes(12).toString("base64url");
  readonly #channel: AmqpChannel;
  #cancels: AmqpChannel | undefined = undefined;
  #calls = 0;
  #replyTo: string | undefined = undefined;
  /** What waits for the socket, in bytes; `undefined` while it is not full. */
  #waiting: number | undefined = undefined;
  #closed: Promise<void> | undefined = undefined;

  constructor(where: string, options: CallerOptions) {
    const { connection, replyQueue = false, sendAndForget, confirm = sendAndForget, timeoutMs } = options;
    if (typeof connection?.channel !== "function")
      throw new TypeError(`${where}: connection must be an amqpConnection`);
    this.#maxBytes = limit(`${where}: maxBytes`, options.maxBytes, 4_194_304);
    this.#maxRequestBytes = limit(`${where}: maxRequestBytes`, options.maxRequestBytes, 16_777_216);
    this.#maxBufferBytes = limit(`${where}: maxBufferBytes`, options.maxBufferBytes, 16_777_216);
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#timeout = timeoutMs > longestExpirationMs ? undefined : String(Math.ceil(timeoutMs));
    this.#confirm = confirm;
    this.#forget = sendAndForget;
    this.#pending = new PendingCalls(timeoutMs);
    this.#channel = connection.channel({
      confirm,
      setup: (channel, gone) => this.#setUp(channel, gone, replyQueue),
      onLost: () => {
        this.#waiting = undefined;
        this.#pending.failAll(lost);
      },
    });
  }

  send(message: AmqpPublishing, ctx: Context): Promise<AmqpDelivery> {
    const channel = this.#channel.current;
    if (channel !== undefined) return this.#call(channel, message, ctx);
    if (this.#closed !== undefined) return Promise.reject(closed);
    return this.#whenReady(message, ctx);
  }

  /** Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#pending.failAll(cut);
    await Promise.all([this.#channel.close(), this.#cancels?.close()]);
  }

  async #whenReady(message: AmqpPublishing, ctx: Context): Promise<AmqpDelivery> {
    const { code, notSent } = { code: "deadline_exceeded", notSent: true } as const;
    using child = ctx.withCancel();
    const timer = setTimeout(
      () => child.cancel(refusal(code, "amqp: no connection within the client's timeout", { notSent })),
      Math.min(this.#timeoutMs, 2 ** 31 - 1),
    );
    let channel: Channel;
    try {
      channel = await until(child, this.#channel.ready());
    } catch (error) {
      throw this.#closed === undefined ? error : closed;
    } finally {
      clearTimeout(timer);
    }
    return this.#call(channel, message, ctx);
  }

  #call(channel: Channel | ConfirmChannel, message: AmqpPublishing, ctx: Context): Promise<AmqpDelivery> {
    if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
    const body = bytesOf(message);
    if (body.length > this.#maxRequestBytes)
      return Promise.reject(tooLarge("a request", this.#maxRequestBytes, { notSent: true }));
    if (this.#connection.blocked !== undefined) return Promise.reject(blocked);
    if (this.#waiting !== undefined && this.#waiting + body.length > this.#maxBufferBytes) return Promise.reject(full);

    const { exchange, routingKey, headers, properties } = message;
    const id = `${this.#prefix}.${(this.#calls++).toString(36)}`;
    properties.correlationId = id;
    properties.mandatory = true;
    if (!this.#forget) properties.replyTo = this.#replyTo!;
    let expiration = this.#timeout;
    if (ctx.deadline !== undefined) {
      const left = timeoutText(ctx)!;
      if (Number(left) < this.#timeoutMs) headers["timeout-ms"] = left;
      if (expiration === undefined || Number(left) < Number(expiration)) expiration = left;
    }
    // The broker drops what nobody waits for any more, and a server knows by it how long somebody does.
    if (expiration !== undefined && Number(expiration) <= longestExpirationMs) properties.expiration = expiration;
    inject(ctx, (name, value) => {
      headers[name] = value;
    });
    const reply = this.#pending.wait(id, ctx, (cause) => {
      // Of a deadline the server knows by itself.
      if (!this.#forget && codeOf(cause) !== "deadline_exceeded") this.#cancel(routingKey, id);
    });
    try {
      const publishing = Object.assign(properties, { headers });
      const taken = this.#confirm
        ? (channel as ConfirmChannel).publish(exchange, routingKey, body, publishing, (error) =>
            this.#confirmed(id, error),
          )
        : channel.publish(exchange, routingKey, body, publishing);
      if (!taken) this.#waiting ??= 0;
      if (this.#waiting !== undefined) this.#waiting += body.length;
      if (this.#forget && !this.#confirm) this.#pending.settle(id, nothing);
    } catch (cause) {
      // Headers that are too long for a frame, or values of a wrong type; or a channel that has just gone.
      const error =
        this.#channel.current === channel
          ? new KitError("invalid_argument", "amqp: the message cannot be said", { cause, notSent: true })
          : new KitError("unavailable", "amqp: the connection was lost", { cause, notSent: true });
      this.#pending.fail(id, error);
    }
    return reply;
  }

  async #setUp(channel: Channel, gone: (cause: Error) => void, replyQueue: boolean): Promise<void> {
    channel.on("return", (message: Message) => {
      const { correlationId } = message.properties;
      this.#pending.fail(correlationId, unroutable(message));
    });
    channel.on("drain", () => (this.#waiting = undefined));
    if (this.#forget) return;
    this.#replyTo = replyQueue ? (await channel.assertQueue("", { exclusive: true })).queue : directReplyTo;
    const receive = (message: Message | null): void => {
      if (message === null) gone(new Error("the reply queue was deleted"));
      else this.#receive(new AmqpDelivery(message as never));
    };
    await channel.consume(this.#replyTo, receive, { noAck: true });
  }

  #receive(reply: AmqpDelivery): void {
    const id: unknown = reply.properties.correlationId;
    if (typeof id !== "string") return;
    if (reply.body.length > this.#maxBytes) this.#pending.fail(id, tooLarge("a reply", this.#maxBytes));
    else this.#pending.settle(id, reply);
  }

  #confirmed(id: string, error: unknown): void {
    if (error)
      this.#pending.fail(
        id,
        new KitError("unavailable", "amqp: the broker did not take the message", { cause: error }),
      );
    else if (this.#forget) this.#pending.settle(id, nothing);
  }

  /** On a channel of its own: the broker closes one on which something is tried that is not allowed. */
  #cancel(queue: string, correlationId: string): void {
    if (this.#closed !== undefined) return;
    this.#cancels ??= this.#connection.channel({ optional: true });
    const publish = (channel: Channel): void =>
      void channel.publish(cancelExchange, cancelKey(queue), empty, { correlationId });
    // Whoever does not hear it finishes in vain, which is all that is lost.
    this.#cancels
      .ready()
      .then(publish)
      .catch(() => {});
  }
}

function tooLarge(what: string, maxBytes: number, options?: { readonly notSent: true }): KitError {
  return new KitError("resource_exhausted", `amqp: ${what} of more than ${maxBytes} bytes`, options);
}

function unroutable({ fields: { exchange, routingKey } }: Message): KitError {
  const where =
    exchange === "" ? `no queue "${routingKey}"` : `exchange "${exchange}" knows no queue for "${routingKey}"`;
  return refusal("unavailable", `amqp: ${where}`, { notSent: true });
}
