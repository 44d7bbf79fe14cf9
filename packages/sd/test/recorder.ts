import { vi } from "vitest";
import type { Instancer, InstancerEvent } from "../src/index.ts";

/** What an instancer's subscriber hears, told by addresses. */
export function recorder(instancer: Instancer): {
  readonly heard: (readonly string[] | Error)[];
  readonly events: InstancerEvent[];
  readonly unsubscribe: () => void;
  /** Resolves when there are that many events. */
  until(count: number): Promise<void>;
} {
  const heard: (readonly string[] | Error)[] = [];
  const events: InstancerEvent[] = [];
  const unsubscribe = instancer.subscribe((event) => {
    events.push(event);
    heard.push(event.error ?? event.instances.map((instance) => instance.address));
  });
  return {
    heard,
    events,
    unsubscribe,
    async until(count) {
      await vi.waitUntil(() => heard.length >= count, { interval: 1, timeout: 5_000 });
    },
  };
}

/** Instances of these addresses, and nothing more to them. */
export function at(...addresses: string[]): { address: string }[] {
  return addresses.map((address) => ({ address }));
}

/** The message of what a function throws, if it does. */
export function thrownBy(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Collects what callbacks of the user's threw, which would else end the process. */
export function uncaught(): unknown[] {
  const thrown: unknown[] = [];
  vi.stubGlobal("queueMicrotask", (task: () => void) => {
    try {
      task();
    } catch (error) {
      thrown.push(error);
    }
  });
  return thrown;
}
