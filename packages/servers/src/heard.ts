import { vi } from "vitest";

/** Much longer than anything takes, but on a machine that is busy with something else. */
const patienceMs = 30_000;

/** `InstancerEvent` of `@kit/sd`. */
interface Told {
  readonly instances?: readonly { readonly address: string; readonly weight?: number }[] | undefined;
  readonly error?: Error | undefined;
}

/** What an instancer tells, as addresses and error codes, and a way to wait for it. */
export class Heard {
  readonly events: (string[] | string)[] = [];
  readonly errors: Error[] = [];
  /** Those of the last list. */
  weights: (number | undefined)[] = [];
  #awaited = 0;
  #look = (): void => {};

  constructor(instancer: { subscribe(listener: (event: Told) => void): unknown }) {
    instancer.subscribe(({ instances = [], error }) => {
      if (error === undefined) {
        this.events.push(instances.map(({ address }) => address));
        this.weights = instances.map(({ weight }) => weight);
      } else {
        this.events.push((error as Error & { readonly code: string }).code);
        this.errors.push(error);
      }
      this.#look();
    });
  }

  /** Resolves when this was told, after what was awaited before. */
  async until(...expected: readonly string[]): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        const wanted = JSON.stringify(expected).slice(0, 200);
        reject(new Error(`told ${JSON.stringify(this.events)}, not ${wanted} at the end`));
      }, patienceMs);
      this.#look = () => {
        const found = this.events.findIndex((event, n) => n >= this.#awaited && String(event) === String(expected));
        if (found === -1) return;
        this.#awaited = found + 1;
        clearTimeout(late);
        resolve();
      };
      this.#look();
    });
    this.#look = () => {};
  }
}

/** Waits for what no instancer tells. */
export function eventually(condition: () => boolean | Promise<boolean>): Promise<boolean> {
  return vi.waitUntil(condition, { interval: 20, timeout: patienceMs });
}
