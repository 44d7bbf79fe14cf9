import { background, type CancellableContext, type Context, type KitError, refusal } from "@kit/endpoint";

/** How often calls are looked at, in ms. Callers with a deadline see to it themselves, so it need not be exact here. */
const sweepMs = 50;

const goneAway = refusal("canceled", "the caller went away");
const stopped = refusal("unavailable", "the server stops");

/** A call that a server has in hand; made by {@link IncomingCalls}. */
export class IncomingCall {
  /** Ends with the call. */
  readonly context: Context;
  readonly #scope: CancellableContext;
  readonly #onEnd: (call: IncomingCall) => void;
  #giveUp: ((cause: Error) => void) | undefined = undefined;

  constructor(timeoutMs: number, onEnd: (call: IncomingCall) => void) {
    this.context = this.#scope = timeoutMs === Infinity ? background.withCancel() : background.withTimeout(timeoutMs);
    this.#onEnd = onEnd;
  }

  /** The work's outcome, or a rejection with the cause if the call ends first. To listen to the context for that would take a timer. */
  until<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      work.then(resolve, reject);
    });
  }

  /** Gives up if the time is up. */
  look(): void {
    const cause = this.#scope.cancelled;
    if (cause !== undefined) this.#giveUp?.(cause);
  }

  /** Ends the handler's context and gives up. @default because the caller went away */
  cancel(cause: KitError = goneAway): void {
    this.#scope.cancel(cause);
    this.look();
  }

  /** The reply is out: lets go of what the call holds. */
  end(): void {
    this.#scope.cancel();
    this.#onEnd(this);
  }
}

/**
 * The calls that a server has in hand: ends those whose time is up, whatever their endpoints do, and knows when there are none left. One timer for all, since
 * one each would cost more than all else that is done for a call; it runs only while there are calls, and does not hold the process.
 */
export class IncomingCalls {
  readonly #calls = new Set<IncomingCall>();
  #timer: NodeJS.Timeout | undefined = undefined;
  #drained: Promise<boolean> | undefined = undefined;
  #whenNone: (() => void) | undefined = undefined;

  get size(): number {
    return this.#calls.size;
  }

  /** @param timeoutMs - how long the call may take; `Infinity` for no bound. */
  begin(timeoutMs: number): IncomingCall {
    const call = new IncomingCall(timeoutMs, this.#forget);
    this.#calls.add(call);
    if (timeoutMs !== Infinity) this.#timer ??= setInterval(this.#sweep, sweepMs).unref();
    return call;
  }

  /** Ends every call. @default because the server stops */
  cancelAll(cause: KitError = stopped): void {
    for (const call of this.#calls) call.cancel(cause);
  }

  /**
   * Resolves when no call is in hand: `true` if all could finish, `false` if some had to be cancelled when `timeoutMs` was over. That none begins meanwhile is
   * the transport's part. Idempotent; the first one's time counts.
   */
  drain(timeoutMs: number): Promise<boolean> {
    return (this.#drained ??= this.#drain(timeoutMs));
  }

  async #drain(timeoutMs: number): Promise<boolean> {
    let finished = true;
    if (this.#calls.size === 0) return finished;
    const cut = setTimeout(() => {
      finished = false;
      this.cancelAll();
    }, timeoutMs);
    await new Promise<void>((resolve) => {
      this.#whenNone = resolve;
    });
    clearTimeout(cut);
    return finished;
  }

  readonly #forget = (call: IncomingCall): void => {
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#whenNone?.();
  };

  readonly #sweep = (): void => {
    for (const call of this.#calls) call.look();
    if (this.#calls.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}
