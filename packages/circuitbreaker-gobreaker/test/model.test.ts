import { KitError } from "@kit/endpoint";
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { describe, expect, it } from "vitest";
import { type Gobreaker, gobreaker } from "../src/index.ts";

type Outcome = "success" | "failure" | "exclusion";

const errors = { success: undefined, failure: new Error("failed"), exclusion: new KitError("not_found", "excluded") };

interface Settings {
  readonly maxRequests: number;
  readonly timeoutMs: number;
  /** In ms; 0 for ever. */
  readonly intervalMs: number;
  /** How many buckets the interval has. */
  readonly buckets: number;
  readonly failuresInARow: number;
}

/** A call as the model remembers it: everything is worked out anew from these, whenever it is asked. */
interface Call {
  readonly generation: number;
  readonly age: number;
  outcome: Outcome | undefined;
  /** When the outcome came, among all outcomes. */
  order: number;
}

/** What a breaker must do: it keeps a list of all calls, and counts by going through it. */
class Model {
  readonly settings: Settings;
  time = 0;
  state: "closed" | "open" | "half-open" = "closed";
  generation = 0;
  began = 0;
  readonly calls: Call[] = [];
  readonly underWay: Call[] = [];
  outcomes = 0;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  get age(): number {
    const { intervalMs, buckets } = this.settings;
    return this.state !== "closed" || intervalMs === 0
      ? 0
      : Math.floor((this.time - this.began) / (intervalMs / buckets));
  }

  enter(state: Model["state"]): void {
    this.state = state;
    this.generation += 1;
    this.began = this.time;
  }

  look(): void {
    const { timeoutMs, intervalMs, buckets } = this.settings;
    const passed = this.time - this.began;
    if (this.state === "open" && passed >= timeoutMs) this.enter("half-open");
    if (this.state === "closed" && intervalMs > 0 && buckets === 1 && passed >= intervalMs) this.enter("closed");
  }

  /** The calls that count now. */
  get window(): Call[] {
    const { age } = this;
    return this.calls.filter((call) => call.generation === this.generation && age - call.age < this.settings.buckets);
  }

  get counts(): object {
    const settled = this.window
      .filter(({ outcome }) => outcome === "success" || outcome === "failure")
      .toSorted((a, b) => a.order - b.order);
    const run = (outcome: Outcome): number =>
      settled.length - 1 - settled.findLastIndex((call) => call.outcome !== outcome);
    const total = (outcome: Outcome): number => this.window.filter((call) => call.outcome === outcome).length;
    return {
      requests: this.window.length,
      totalSuccesses: total("success"),
      totalFailures: total("failure"),
      totalExclusions: total("exclusion"),
      consecutiveSuccesses: run("success"),
      consecutiveFailures: run("failure"),
    };
  }

  admit(): "yes" | "open" | "too many" {
    this.look();
    if (this.state === "open") return "open";
    const taken = this.window.filter(({ outcome }) => outcome !== "exclusion").length;
    if (this.state === "half-open" && taken >= this.settings.maxRequests) return "too many";
    const call: Call = { generation: this.generation, age: this.age, outcome: undefined, order: 0 };
    this.calls.push(call);
    this.underWay.push(call);
    return "yes";
  }

  settle(call: Call, outcome: Outcome): void {
    this.look();
    call.outcome = outcome;
    call.order = this.outcomes += 1;
    if (!this.window.includes(call)) return;
    const { consecutiveFailures, consecutiveSuccesses } = this.counts as Record<string, number>;
    if (outcome === "failure" && (this.state === "half-open" || consecutiveFailures! >= this.settings.failuresInARow)) {
      this.enter("open");
    } else if (this.state === "half-open" && consecutiveSuccesses! >= this.settings.maxRequests) this.enter("closed");
  }
}

interface Real {
  readonly breaker: Gobreaker;
  readonly clock: { time: number };
  readonly underWay: ((error?: unknown) => void)[];
}

function check(model: Model, { breaker }: Real): void {
  model.look();
  assert.equal(breaker.state, model.state);
  assert.deepEqual(breaker.counts, model.counts);
}

class Sleep implements fc.Command<Model, Real> {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
  check = (): boolean => true;
  run(model: Model, real: Real): void {
    model.time += this.ms;
    real.clock.time += this.ms;
    check(model, real);
  }
  toString = (): string => `sleep(${this.ms})`;
}

class Admit implements fc.Command<Model, Real> {
  check = (): boolean => true;
  run(model: Model, real: Real): void {
    const refused = { open: /is open/, "too many": /too many/ };
    const expected = model.admit();
    if (expected === "yes") real.underWay.push(real.breaker.allow());
    else assert.throws(() => real.breaker.allow(), refused[expected]);
    check(model, real);
  }
  toString = (): string => "admit()";
}

class Settle implements fc.Command<Model, Real> {
  readonly which: number;
  readonly outcome: Outcome;
  constructor(which: number, outcome: Outcome) {
    this.which = which;
    this.outcome = outcome;
  }
  check = (model: Readonly<Model>): boolean => model.underWay.length > 0;
  run(model: Model, real: Real): void {
    const at = this.which % model.underWay.length;
    const [call] = model.underWay.splice(at, 1);
    const [done] = real.underWay.splice(at, 1);
    model.settle(call!, this.outcome);
    done!(errors[this.outcome]);
    check(model, real);
  }
  toString = (): string => `settle(${this.which}, ${this.outcome})`;
}

describe("a breaker", () => {
  // How much of a run the oldest bucket takes with it is only certain when calls end in the order in which they began; so with several
  // buckets, they do.
  it.each([
    ["calls that overlap", 1, fc.nat(20)],
    ["a rolling window", 4, fc.constant(0)],
  ])("does what the model does, whatever is done to it: %s", (_title, maxBuckets, which) => {
    const overlap = maxBuckets === 1;
    const outcome = fc.constantFrom<Outcome>("success", "failure", "failure", "exclusion");
    const settle = fc.tuple(which, outcome).map(([at, how]) => new Settle(at, how));
    const commands = fc.commands(
      [fc.integer({ min: 1, max: 60 }).map((ms) => new Sleep(ms)), fc.constant(new Admit()), settle, settle],
      { maxCommands: 100, size: "max" },
    );
    const settings: fc.Arbitrary<Settings> = fc.record({
      maxRequests: fc.integer({ min: 1, max: 3 }),
      timeoutMs: fc.constantFrom(1, 30, 100),
      intervalMs: fc.constantFrom(...(overlap ? [0, 60, 120] : [60, 120])),
      buckets: fc.integer({ min: 1, max: maxBuckets }),
      failuresInARow: fc.integer({ min: 1, max: 4 }),
    });
    expect(
      fc.assert(
        fc.property(settings, commands, (how, run) => {
          fc.modelRun(() => {
            const clock = { time: 0 };
            const breaker = gobreaker({
              maxRequests: how.maxRequests,
              timeoutMs: how.timeoutMs,
              intervalMs: how.intervalMs === 0 ? Infinity : how.intervalMs,
              ...(how.buckets > 1 && { bucketPeriodMs: how.intervalMs / how.buckets }),
              readyToTrip: ({ consecutiveFailures }) => consecutiveFailures >= how.failuresInARow,
              now: () => clock.time,
            });
            return { model: new Model(how), real: { breaker, clock, underWay: [] } };
          }, run);
        }),
        { numRuns: 500 },
      ),
    ).toBeUndefined();
  });
});
