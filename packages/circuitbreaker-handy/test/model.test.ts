import { KitError } from "@kit/endpoint";
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { describe, expect, it } from "vitest";
import { type HandyBreaker, handyBreaker } from "../src/index.ts";

type Outcome = "success" | "failure" | "exclusion";

const errors = { success: undefined, failure: new Error("failed"), exclusion: new KitError("not_found", "excluded") };
const seconds = 3;
const cooldownMs = 1_500;

/** What a breaker must do: handy's loop, state by state, with a list of what was observed in place of the ring. */
class Model {
  readonly failureRatio: number;
  readonly minObservations: number;
  time = 0;
  state: "closed" | "open" | "half-open" = "closed";
  timeout = 0;
  probe = 0;
  observed: { readonly second: number; readonly failed: boolean }[] = [];
  /** Of each call under way: which probe it is, 0 for none. */
  readonly underWay: number[] = [];

  constructor(failureRatio: number, minObservations: number) {
    this.failureRatio = failureRatio;
    this.minObservations = minObservations;
  }

  look(): void {
    if (this.state === "open" && this.time >= this.timeout) this.state = "half-open";
  }

  trip(): void {
    this.timeout = this.time + cooldownMs;
    this.state = "open";
    this.probe += 1;
  }

  observe(failed: boolean): void {
    this.observed.push({ second: Math.floor(this.time / 1_000), failed });
  }

  get counts(): { successes: number; failures: number; failureRate: number } {
    const oldest = Math.floor(this.time / 1_000) - seconds + 1;
    const within = this.observed.filter(({ second }) => second >= oldest);
    const failures = within.filter(({ failed }) => failed).length;
    return {
      successes: within.length - failures,
      failures,
      failureRate: within.length === 0 ? 0 : failures / within.length,
    };
  }

  admit(): boolean {
    this.look();
    if (this.state === "open") return false;
    if (this.state === "closed") this.underWay.push(0);
    else {
      this.trip();
      this.underWay.push(this.probe);
    }
    return true;
  }

  settle(probe: number, outcome: Outcome): void {
    this.look();
    if (outcome === "exclusion") {
      if (this.state === "open" && probe === this.probe && probe > 0) this.state = "half-open";
    } else if (this.state !== "closed" && outcome === "success") {
      this.state = "closed";
      this.observed = [];
    } else if (this.state === "half-open") this.trip();
    else if (this.state === "closed") {
      this.observe(outcome === "failure");
      const { successes, failures, failureRate } = this.counts;
      if (outcome === "failure" && successes + failures > this.minObservations && failureRate > this.failureRatio) {
        this.trip();
      }
    }
  }
}

interface Real {
  readonly breaker: HandyBreaker;
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
    if (model.admit()) real.underWay.push(real.breaker.allow());
    else assert.throws(() => real.breaker.allow(), /circuit open/);
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
    const [probe] = model.underWay.splice(at, 1);
    const [done] = real.underWay.splice(at, 1);
    model.settle(probe!, this.outcome);
    done!(errors[this.outcome]);
    check(model, real);
  }
  toString = (): string => `settle(${this.which}, ${this.outcome})`;
}

describe("a breaker", () => {
  it("does what the model does, whatever is done to it", () => {
    const outcome = fc.constantFrom<Outcome>("success", "failure", "failure", "exclusion");
    const settle = fc.tuple(fc.nat(20), outcome).map(([which, how]) => new Settle(which, how));
    const commands = fc.commands(
      [fc.integer({ min: 1, max: 2_000 }).map((ms) => new Sleep(ms)), fc.constant(new Admit()), settle, settle],
      { maxCommands: 100, size: "max" },
    );
    expect(
      fc.assert(
        fc.property(
          fc.constantFrom(0, 0.3, 0.5, 1),
          fc.integer({ min: 0, max: 3 }),
          commands,
          (failureRatio, minObservations, run) => {
            fc.modelRun(() => {
              const clock = { time: 0 };
              const breaker = handyBreaker({
                failureRatio,
                minObservations,
                windowMs: seconds * 1_000,
                cooldownMs,
                now: () => clock.time,
              });
              return { model: new Model(failureRatio, minObservations), real: { breaker, clock, underWay: [] } };
            }, run);
          },
        ),
        { numRuns: 500 },
      ),
    ).toBeUndefined();
  });
});
