import { type Context, type KitError, refusal } from "@kit/endpoint";

/** How often calls are looked at for the client's own timeout, in ms. */
const sweepMs = 100;

const tooLate = refusal("deadline_exceeded", "no reply within the client's timeout");

interface Pending<Reply> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly giveUp: (cause: Error) => void;
  /** On the clock of `performance.now()`. */
  readonly due: number;
  /** Lets go of the caller's context. */
  readonly leave: () => void;
}

/**
 * The calls of one connection that wait for their reply, by an id of the transport's: a reply that comes late, twice or from a stranger finds nobody and is
 * dropped. No call waits past its context, past the client's timeout, or past {@link failAll}.
 *
 * The timeout takes one timer for all; only a context with a deadline brings its own. It does not hold the process, the connection does.
 */
export class PendingCalls<Id, Reply> {
  readonly #timeoutMs: number;
  readonly #pending = new Map<Id, Pending<Reply>>();
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @param timeoutMs - the longest that a call waits, whatever its context says; noticed at most 100 ms late. `Infinity` for no bound. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#pending.size;
  }

  /**
   * Waits for the reply to `id`, which nobody must wait for yet.
   *
   * @param onGiveUp - called when the context or the time is over first: the place to tell the peer.
   */
  wait(id: Id, ctx: Context, onGiveUp?: (cause: Error) => void): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const giveUp = (cause: Error): void => {
        if (this.fail(id, cause)) onGiveUp?.(cause);
      };
      const leave = ctx.onCancel(giveUp);
      if (ctx.cancelled !== undefined) return reject(ctx.cancelled);
      const due = performance.now() + this.#timeoutMs;
      this.#pending.set(id, { resolve, reject, giveUp, due, leave });
      if (due < Infinity) this.#timer ??= setInterval(this.#sweep, sweepMs).unref();
    });
  }

  /** @returns whether anybody waited. */
  settle(id: Id, reply: Reply): boolean {
    const pending = this.#take(id);
    pending?.resolve(reply);
    return pending !== undefined;
  }

  /** @returns whether anybody waited. */
  fail(id: Id, error: Error): boolean {
    const pending = this.#take(id);
    pending?.reject(error);
    return pending !== undefined;
  }

  /**
   * The connection is gone, or what some of the calls need of it.
   *
   * @param of - picks them. @default all
   */
  failAll(error: KitError, of?: (id: Id) => boolean): void {
    for (const id of this.#pending.keys()) if (of === undefined || of(id)) this.fail(id, error);
  }

  /** The client goes away: as if the context of each call were over. */
  giveUpAll(cause: KitError): void {
    for (const { giveUp } of this.#pending.values()) giveUp(cause);
  }

  #take(id: Id): Pending<Reply> | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    pending.leave();
    return pending;
  }

  readonly #sweep = (): void => {
    const now = performance.now();
    // In the order of their beginning, so the first that is in time ends the search.
    for (const { due, giveUp } of this.#pending.values()) {
      if (due > now) break;
      giveUp(tooLate);
    }
    if (this.#pending.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}
