import { background, type CancellableContext, type Context, type KitError, refusal } from "@kit/endpoint";
import { type Call, CallWatch } from "./call-watch.ts";

const goneAway = refusal("canceled", "the caller went away");
const stopped = refusal("unavailable", "the server stops");

/** A call that a server has in hand; made by {@link IncomingCalls}. */
export class IncomingCall implements Call {
  /** Ends with the call. */
  readonly context: Context;
  place = -1;
  /** Called with the cause when the call is over before it was answered. Listening to the context for that would take a timer each. */
  onOver: ((cause: Error) => void) | undefined = undefined;
  readonly #scope: CancellableContext;
  readonly #onEnd: (call: IncomingCall) => void;

  constructor(timeoutMs: number, onEnd: (call: IncomingCall) => void) {
    this.context = this.#scope = timeoutMs === Infinity ? background.withCancel() : background.withTimeout(timeoutMs);
    this.#onEnd = onEnd;
  }

  /** The work's outcome, or a rejection with the cause if the call is over first; in the place of {@link onOver}. */
  until<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.onOver = reject;
      work.then(resolve, reject);
    });
  }

  look(): void {
    const cause = this.#scope.cancelled;
    if (cause !== undefined) this.onOver?.(cause);
  }

  /** Ends the handler's context and gives up. @default because the caller went away */
  cancel(cause: KitError = goneAway): void {
    this.#scope.cancel(cause);
    this.look();
  }

  /** The reply is out: lets go of what the call holds. */
  end(): void {
    this.onOver = undefined;
    this.#scope.cancel();
    this.#onEnd(this);
  }
}

/** The calls that a server has in hand: ends those whose time is up, whatever their endpoints do, and knows when there are none left. */
export class IncomingCalls {
  readonly #calls = new CallWatch<IncomingCall>();
  #drained: Promise<boolean> | undefined = undefined;
  #whenNone: (() => void) | undefined = undefined;

  get size(): number {
    return this.#calls.size;
  }

  /** @param timeoutMs - how long the call may take; `Infinity` for no bound. */
  begin(timeoutMs: number): IncomingCall {
    const call = new IncomingCall(timeoutMs, this.#forget);
    this.#calls.add(call);
    return call;
  }

  /** Ends every call. @default because the server stops */
  cancelAll(cause: KitError = stopped): void {
    this.#calls.forEach((call) => call.cancel(cause));
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
    if (this.size === 0) return finished;
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
    if (this.size === 0) this.#whenNone?.();
  };
}
