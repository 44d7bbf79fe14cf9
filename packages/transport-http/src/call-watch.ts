/** A call under way. */
export interface Call {
  /** Ends the call if its time is up. */
  look(): void;
}

/** How often calls are looked at, in ms. Callers with a deadline see to it themselves, so it need not be exact here. */
const sweepMs = 50;

/**
 * Ends calls whose time is up, whatever their endpoints do: one timer for all of a handler's calls, since one each would cost more than all else that
 * is done for a call. It runs only while calls are under way, and does not hold the process.
 */
export class CallWatch {
  readonly #calls = new Set<Call>();
  #timer: NodeJS.Timeout | undefined;

  add(call: Call): void {
    this.#calls.add(call);
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs).unref();
  }

  delete(call: Call): void {
    this.#calls.delete(call);
  }

  #sweep(): void {
    for (const call of this.#calls) call.look();
    if (this.#calls.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
