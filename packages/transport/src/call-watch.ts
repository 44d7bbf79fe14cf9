/** A call under way. */
export interface Call {
  /** Where the watch keeps it; the watch's own affair. */
  place: number;
  /** Ends the call, or what of it has taken too long. */
  look(): void;
}

/** How often calls are looked at, in ms. Callers with a deadline see to it themselves, so it need not be exact here. */
const sweepMs = 50;

/**
 * Looks at calls, whatever their endpoints do: one timer for all of a server's calls, since one each would cost more than all else that is done for a
 * call. It runs only while calls are under way, and does not hold the process.
 */
export class CallWatch<Watched extends Call = Call> {
  // Each knows its place, and the last one fills a gap: a fraction of what a Set costs.
  readonly #calls: Watched[] = [];
  #timer: NodeJS.Timeout | undefined;

  get size(): number {
    return this.#calls.length;
  }

  add(call: Watched): void {
    call.place = this.#calls.push(call) - 1;
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#sweep(), sweepMs);
    // In a worker a timer is a number.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /** Does nothing for one that is not there any more. */
  delete(call: Watched): void {
    const calls = this.#calls;
    if (calls[call.place] !== call) return;
    const last = calls.pop()!;
    if (last === call) return;
    calls[call.place] = last;
    last.place = call.place;
  }

  /** From the end, so that one which leaves meanwhile lets none be passed over. */
  forEach(visit: (call: Watched) => void): void {
    for (let place = this.#calls.length - 1; place >= 0; place -= 1) {
      const call = this.#calls[place];
      if (call !== undefined) visit(call);
    }
  }

  #sweep(): void {
    this.forEach((call) => call.look());
    if (this.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
