import { codeOf, type Context, inject, KitError, refusal } from "@kit/endpoint";
import { type ClientHooks, type ClientSteps, clientSteps, limit, PendingCalls, timeoutText } from "@kit/transport";
import { createInbox, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import { ConnectionWatch } from "./connection-watch.ts";
import { publishError } from "./error.ts";
import { NatsIncoming } from "./incoming.ts";
import { NatsOutgoing, publish } from "./outgoing.ts";
import { cancelSubject, subjectOf } from "./subject.ts";
import { timeoutHeader } from "./timeout-header.ts";

/** What go-kit calls PublisherOptions, by its names. They run in this order: encode, before, the call, after, decode; finalizer always. */
export type NatsClientHooks = ClientHooks<NatsOutgoing, NatsIncoming>;

/** Options of every NATS client. */
export interface NatsClientCommon extends NatsClientHooks {
  /** Yours, so yours to close. */
  readonly connection: NatsConnection;
  /** The longest that a call waits for its reply, in ms, whatever its context says; `Infinity` for no bound. @default 10_000, as in go-kit */
  readonly timeoutMs?: number;
  /** The longest reply taken, in bytes. @default 4_194_304 — a reply may be larger than what a stranger may send us */
  readonly maxBytes?: number;
  /** What the subject of the replies begins with: as in the options of the connection, where its user may not subscribe to others. @default `_INBOX` */
  readonly inboxPrefix?: string;
}

const closedError = refusal("unavailable", "nats: the client is closed", { notSent: true });
const endedError = refusal("unavailable", "nats: the client was closed");
const downError = refusal("unavailable", "nats: the connection is down", { notSent: true });
const lostError = refusal("unavailable", "nats: the connection was lost");
const nobodyError = refusal("unavailable", "nats: nobody serves it", { notSent: true });

/** One subject as it is called. */
interface Line {
  readonly subject: string;
  /** What all its reply subjects begin with. */
  readonly replies: string;
  /** Where cancellations go, unless the NATS server does not allow it. */
  cancel: string | undefined;
}

/**
 * All calls of one client: one inbox for all replies, opened with the first call. What the driver's `request` makes for each call, a timer, a promise to race
 * it and an error to have its stack, is more than all the rest of a call.
 */
export class Caller {
  readonly #connection: NatsConnection;
  readonly #hooks: NatsClientHooks;
  readonly #watch: ConnectionWatch;
  readonly #maxBytes: number;
  readonly #pending: PendingCalls<string, NatsIncoming>;
  /** Nobody can guess it, so nobody else can answer. */
  readonly #inbox: string;
  readonly #lines: Line[] = [];
  #subscription: Subscription | undefined = undefined;
  #calls = 0;
  #isClosed = false;

  constructor(where: string, options: NatsClientCommon) {
    const { connection, inboxPrefix = "_INBOX" } = options;
    this.#connection = connection;
    this.#hooks = options;
    this.#maxBytes = limit(`${where}: maxBytes`, options.maxBytes, 4_194_304);
    this.#pending = new PendingCalls(limit(`${where}: timeoutMs`, options.timeoutMs, 10_000));
    this.#inbox = createInbox(subjectOf(`${where}: inboxPrefix`, inboxPrefix));
    this.#watch = ConnectionWatch.of(connection);
    this.#watch.users.add(this);
  }

  /** What takes requests to one subject. */
  steps(subject: string): ClientSteps<NatsOutgoing, NatsIncoming> {
    const line = { subject, replies: `${this.#inbox}.${this.#lines.length}-`, cancel: cancelSubject(subject) };
    this.#lines.push(line);
    return clientSteps(this.#hooks, (message, ctx) => this.#send(line, message, ctx));
  }

  close(): void {
    this.#isClosed = true;
    this.#watch.users.delete(this);
    this.#pending.giveUpAll(endedError);
    this.#subscription?.unsubscribe();
  }

  lost(): void {
    this.#pending.failAll(lostError);
  }

  refused(subject: string, cause: Error): void {
    for (const line of this.#lines) {
      if (subject === line.cancel) line.cancel = undefined;
      if (subject !== line.subject) continue;
      const error = new KitError("permission_denied", "nats: not allowed to publish there", { cause, notSent: true });
      this.#pending.failAll(error, (reply) => reply.startsWith(line.replies));
    }
  }

  #send(line: Line, message: NatsOutgoing, ctx: Context): Promise<NatsIncoming> {
    const hindrance = ctx.cancelled ?? this.#hindrance();
    if (hindrance !== undefined) return Promise.reject(hindrance);
    const reply = line.replies + ++this.#calls;
    const timeout = timeoutText(ctx);
    if (timeout !== undefined) message.headers[timeoutHeader] = timeout;
    inject(ctx, (name, value) => {
      message.headers[name] = value;
    });
    const waiting = this.#pending.wait(reply, ctx, () => this.#giveUp(line, message, reply, ctx));
    try {
      publish(this.#connection, message, reply);
    } catch (cause) {
      this.#pending.fail(reply, publishError(cause));
    }
    return waiting;
  }

  /** Why nothing can be sent now. */
  #hindrance(): KitError | undefined {
    if (this.#isClosed) return closedError;
    if (!this.#watch.isUp || this.#connection.isClosed() || this.#connection.isDraining()) return downError;
    this.#subscription ??= this.#open();
    return undefined;
  }

  #open(): Subscription {
    const subscription = this.#connection.subscribe(`${this.#inbox}.*`, { callback: this.#take });
    void subscription.closed.then((cause) => {
      // The next call opens it again, if it may.
      this.#subscription = undefined;
      const refused = cause && new KitError("permission_denied", "nats: not allowed to hear replies", { cause });
      this.#pending.failAll(refused ?? lostError);
    });
    return subscription;
  }

  readonly #take = (error: Error | null, message: Msg): void => {
    // Its `closed` tells of it.
    if (error !== null) return;
    const { subject, data } = message;
    if (data.length > this.#maxBytes) {
      const why = `nats: a reply of more than ${this.#maxBytes} bytes`;
      this.#pending.fail(subject, new KitError("resource_exhausted", why));
      return;
    }
    try {
      // The driver decodes headers only now, and what it throws at bad ones would be the end of the connection.
      const isNobody = message.headers?.code === 503 && data.length === 0;
      if (isNobody) this.#pending.fail(subject, nobodyError);
      else this.#pending.settle(subject, new NatsIncoming(message));
    } catch (cause) {
      this.#pending.fail(subject, new KitError("internal", "nats: a reply with headers that are none", { cause }));
    }
  };

  /** Tells the servers, unless they know by themselves. */
  #giveUp(line: Line, { subject }: NatsOutgoing, reply: string, { deadline, cancelled }: Context): void {
    // A hook may have chosen another subject.
    const cancel = subject === line.subject ? line.cancel : cancelSubject(subject);
    const isKnown = deadline !== undefined && codeOf(cancelled) === "deadline_exceeded";
    if (cancel === undefined || isKnown || !this.#watch.isUp) return;
    const message = new NatsOutgoing(cancel);
    message.data = reply;
    try {
      publish(this.#connection, message);
    } catch {
      // It is closed: nobody can be told.
    }
  }
}
