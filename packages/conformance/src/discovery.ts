import { expect } from "vitest";

/** `Instance` of `@kit/sd`. */
export interface DiscoveredInstance {
  readonly address: string;
  readonly weight?: number;
  readonly zone?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** `InstancerEvent` of `@kit/sd`. */
export type DiscoveryEvent =
  | { readonly instances: readonly DiscoveredInstance[]; readonly error?: undefined }
  | { readonly instances?: undefined; readonly error: Error };

/** `Instancer` of `@kit/sd`. */
export interface InstancerUnderTest extends AsyncDisposable {
  subscribe(listener: (event: DiscoveryEvent) => void): () => void;
  readonly status: {
    readonly state: "pending" | "fresh" | "stale" | "failing";
    readonly since: number;
    readonly error?: Error;
  };
  close(): Promise<void>;
}

/** `Registrar` of `@kit/sd`. */
export interface RegistrarUnderTest extends AsyncDisposable {
  register(): Promise<void>;
  deregister(): Promise<void>;
  close(): Promise<void>;
}

/** What an instance may say of itself besides its address. */
export type InstanceTrait = "weight" | "zone" | "metadata";

/** Two values of each trait, with what a careless codec loses. */
export const traits: Readonly<
  Record<InstanceTrait, readonly [Partial<DiscoveredInstance>, Partial<DiscoveredInstance>]>
> = {
  weight: [{ weight: 3 }, { weight: 50 }],
  zone: [{ zone: "eu-west-1a" }, { zone: "eu-west-1b" }],
  metadata: [
    { metadata: { version: "1.2.3", owner: 'Größe & <Söhne> "x=y"' } },
    { metadata: { version: "1.2.4", owner: 'Größe & <Söhne> "x=y"' } },
  ],
};

/** Remembers what one subscriber of an instancer is told, and waits for it. */
export class Subscriber {
  readonly events: DiscoveryEvent[] = [];
  readonly leave: () => void;
  readonly #timeoutMs: number;
  readonly #waiting = new Set<() => void>();

  constructor(instancer: InstancerUnderTest, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.leave = instancer.subscribe((event) => {
      this.events.push(event);
      for (const look of this.#waiting) look();
    });
  }

  /** Every list that was told, as addresses. */
  get lists(): string[][] {
    return this.events.flatMap(({ instances }) => (instances ? [instances.map(({ address }) => address)] : []));
  }

  get last(): DiscoveryEvent | undefined {
    return this.events.at(-1);
  }

  /** Resolves when the last event satisfies the condition, at once if it does. */
  until(what: string, satisfies: (event: DiscoveryEvent) => boolean): Promise<DiscoveryEvent> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.last !== undefined && satisfies(this.last)) done(() => resolve(this.last!));
      };
      const timer = setTimeout(() => {
        const last = JSON.stringify(this.last, (_, part: unknown) => (part instanceof Error ? String(part) : part));
        done(() => reject(new Error(`a subscriber was not told ${what} within ${this.#timeoutMs} ms; last: ${last}`)));
      }, this.#timeoutMs);
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Resolves when the list is of exactly these instances, every field of them. */
  untilListed(...instances: readonly DiscoveredInstance[]): Promise<DiscoveryEvent> {
    const expected = instances.toSorted((a, b) => (a.address < b.address ? -1 : 1));
    const names = expected.map(({ address }) => address);
    return this.until(`the list ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}`, (event) =>
      equals(event.instances, expected),
    );
  }

  untilFailed(): Promise<DiscoveryEvent> {
    return this.until("an error", ({ error }) => error !== undefined);
  }
}

/** Whether two lists say the same, whatever the order of the metadata in them. */
export function equals(
  actual: readonly DiscoveredInstance[] | undefined,
  expected: readonly DiscoveredInstance[],
): boolean {
  return actual?.length === expected.length && actual.every((each, n) => canonical(each) === canonical(expected[n]!));
}

function canonical({ address, weight, zone, metadata }: DiscoveredInstance): string {
  return JSON.stringify([address, weight, zone, metadata && Object.entries(metadata).map(String).toSorted()]);
}

/** The first list that a new subscriber of a new instancer is told. */
export async function firstList(
  make: () => InstancerUnderTest,
  timeoutMs: number,
): Promise<readonly DiscoveredInstance[]> {
  await using instancer = make();
  const { instances } = await new Subscriber(instancer, timeoutMs).until(
    "a list",
    (event) => event.instances !== undefined,
  );
  return instances!;
}

/** Runs something some times; fails if more keeps the process alive afterwards than before, for longer than `timeoutMs`. */
export async function leavesNothingRunning(use: () => Promise<void>, timeoutMs: number, times = 5): Promise<void> {
  // Drivers keep some things from their first use on.
  await use();
  await quiet();
  const before = active();
  for (let n = 0; n < times; n++) await use();
  const end = Date.now() + timeoutMs;
  while (surplus(before).length > 0 && Date.now() < end) await quiet();
  expect(surplus(before)).toEqual([]);
}

function active(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  counts.delete("Immediate");
  return counts;
}

function surplus(before: ReadonlyMap<string, number>): string[] {
  return [...active()].flatMap(([name, count]) => (count > (before.get(name) ?? 0) ? [name] : []));
}

/** A few rounds of the event loop, in which closed handles go. */
async function quiet(): Promise<void> {
  for (let n = 0; n < 10; n++) await new Promise((resolve) => void setImmediate(resolve));
}

/** A handle that a subject must have for what it says that it supports. */
export function handle<Handle>(subject: string, name: string, given: Handle | undefined): Handle {
  if (given === undefined) throw new Error(`${subject}: setup must return ${name}, or \`supports\` say why it cannot`);
  return given;
}
