import type { CounterSeries, GaugeSeries } from "./backend.ts";

/**
 * Counters and gauges for backends that are sent values from time to time. A counter is held as what was added since it was last sent, a
 * gauge as where it stands, which no flush changes; go-kit's statsd forgets it (its issue #578).
 */
export interface HeldSeries {
  /** The same key is the same series. `send` returns `false` when the sum could not be taken: it is then kept for the next flush. */
  counter(key: string, send: (sum: number) => boolean): CounterSeries;
  /** Likewise. Sent at every flush once it has a value, so that a lost datagram or a restarted backend does no lasting harm. */
  gauge(key: string, send: (value: number) => boolean): GaugeSeries;
  /** Sends the counters that have grown, then all gauges, each in the order they came to be. */
  flush(): void;
}

class HeldCounter implements CounterSeries {
  readonly #send: (sum: number) => boolean;
  #sum = 0;

  constructor(send: (sum: number) => boolean) {
    this.#send = send;
  }

  add(delta: number): void {
    this.#sum = finite(this.#sum + delta);
  }

  flush(): void {
    if (this.#sum !== 0 && this.#send(this.#sum)) this.#sum = 0;
  }
}

class HeldGauge implements GaugeSeries {
  readonly #send: (value: number) => boolean;
  #value: number | undefined = undefined;

  constructor(send: (value: number) => boolean) {
    this.#send = send;
  }

  set(value: number): void {
    this.#value = value;
  }

  add(delta: number): void {
    this.#value = finite((this.#value ?? 0) + delta);
  }

  flush(): void {
    if (this.#value !== undefined) this.#send(this.#value);
  }
}

/** Makes an empty one. */
export function heldSeries(): HeldSeries {
  const counters = new Map<string, HeldCounter>();
  const gauges = new Map<string, HeldGauge>();
  return {
    counter: (key, send) => once(counters, key, () => new HeldCounter(send)),
    gauge: (key, send) => once(gauges, key, () => new HeldGauge(send)),
    flush() {
      for (const counter of counters.values()) counter.flush();
      for (const gauge of gauges.values()) gauge.flush();
    },
  };
}

function once<T>(all: Map<string, T>, key: string, make: () => T): T {
  let one = all.get(key);
  if (one === undefined) all.set(key, (one = make()));
  return one;
}

/** Two finite numbers may have a sum that is none, which no backend can read. */
function finite(sum: number): number {
  return Math.min(Math.max(sum, -Number.MAX_VALUE), Number.MAX_VALUE);
}
