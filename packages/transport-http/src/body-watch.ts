/** A body that is being read. */
export interface Arriving {
  /** Since when, in ms on the clock of `performance.now()`. */
  readonly since: number;
  /** Called once when it has taken too long. */
  late(): void;
}

/**
 * Watches bodies arrive: one timer for all of a handler's requests, since one each would be a good part of what a request costs. It runs only while
 * some body is on its way, does not hold the process, and notices a late one at most a quarter of the timeout late.
 */
export class BodyWatch {
  readonly #timeoutMs: number;
  readonly #arriving = new Set<Arriving>();
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  add(body: Arriving): void {
    if (this.#timeoutMs === Infinity) return;
    this.#arriving.add(body);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#sweep(), this.#timeoutMs / 4);
    // In a worker a timer is a number.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  delete(body: Arriving): void {
    this.#arriving.delete(body);
  }

  #sweep(): void {
    if (this.#arriving.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    const latest = performance.now() - this.#timeoutMs;
    // In order of arrival, so the first that is in time ends the search.
    for (const body of this.#arriving) {
      if (body.since > latest) return;
      this.#arriving.delete(body);
      body.late();
    }
  }
}
