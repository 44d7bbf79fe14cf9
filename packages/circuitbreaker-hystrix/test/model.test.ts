import { background, codeOf, KitError } from "@kit/endpoint";
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Hystrix, hystrix } from "../src/index.ts";

type Outcome = "success" | "failure" | "exclusion";

const errors = { success: undefined, failure: new Error("failed"), exclusion: new KitError("not_found", "excluded") };
const maxConcurrentRequests = 3;
const sleepWindowMs = 50;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Call {
  readonly id: number;
}

/** What a breaker must do within one window, which a run does not leave. */
class Model {
  readonly volume: number;
  readonly percent: number;
  time = 0;
  isOpen = false;
  tested = 0;
  trial: Call | undefined;
  successes = 0;
  failures = 0;
  rejections = 0;
  shortCircuits = 0;
  readonly underWay: Call[] = [];
  calls = 0;

  constructor(volume: number, percent: number) {
    this.volume = volume;
    this.percent = percent;
  }

  get requests(): number {
    return this.successes + this.failures + this.rejections + this.shortCircuits;
  }

  get slept(): boolean {
    return this.time > this.tested + sleepWindowMs;
  }

  get state(): string {
    return !this.isOpen ? "closed" : this.trial !== undefined || this.slept ? "half-open" : "open";
  }

  judge(): void {
    if (this.isOpen || this.requests < this.volume) return;
    if (Math.round(((this.requests - this.successes) / this.requests) * 100) < this.percent) return;
    this.isOpen = true;
    this.tested = this.time;
  }

  admit(): "yes" | "unavailable" | "resource_exhausted" {
    if (this.underWay.length >= maxConcurrentRequests) {
      this.rejections += 1;
      this.judge();
      return "resource_exhausted";
    }
    if (this.isOpen && !this.slept) {
      this.shortCircuits += 1;
      return "unavailable";
    }
    const call = { id: (this.calls += 1) };
    if (this.isOpen) {
      this.tested = this.time;
      this.trial = call;
    }
    this.underWay.push(call);
    return "yes";
  }

  settle(call: Call, outcome: Outcome): void {
    const wasTrial = this.trial === call;
    if (wasTrial) this.trial = undefined;
    if (outcome === "exclusion") {
      if (wasTrial) this.tested = -Infinity;
    } else if (outcome === "failure") {
      this.failures += 1;
      this.judge();
    } else {
      this.successes += 1;
      if (this.isOpen) this.successes = this.failures = this.rejections = this.shortCircuits = 0;
      this.isOpen = false;
      // With one more call, the volume may be reached.
      this.judge();
    }
  }
}

interface Real {
  readonly breaker: Hystrix;
  readonly underWay: ((outcome: Outcome) => void)[];
}

async function check(model: Model, { breaker }: Real): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
  const { requests, successes, failures, rejections, shortCircuits, concurrent } = breaker.counts;
  assert.deepEqual(
    { state: breaker.state, requests, successes, failures, rejections, shortCircuits, concurrent },
    {
      state: model.state,
      requests: model.requests,
      successes: model.successes,
      failures: model.failures,
      rejections: model.rejections,
      shortCircuits: model.shortCircuits,
      concurrent: model.underWay.length,
    },
  );
}

class Sleep implements fc.AsyncCommand<Model, Real> {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    model.time += this.ms;
    await vi.advanceTimersByTimeAsync(this.ms);
    await check(model, real);
  }
  toString = (): string => `sleep(${this.ms})`;
}

class Admit implements fc.AsyncCommand<Model, Real> {
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    let refusal: unknown;
    const endpoint = (): Promise<void> =>
      new Promise((resolve, reject) => {
        real.underWay.push((outcome) => (outcome === "success" ? resolve() : reject(errors[outcome])));
      });
    real
      .breaker(endpoint)({}, background)
      .catch((error: unknown) => (refusal = error));
    await vi.advanceTimersByTimeAsync(0);
    assert.equal(refusal === undefined ? "yes" : codeOf(refusal), model.admit());
    await check(model, real);
  }
  toString = (): string => "admit()";
}

class Settle implements fc.AsyncCommand<Model, Real> {
  readonly which: number;
  readonly outcome: Outcome;
  constructor(which: number, outcome: Outcome) {
    this.which = which;
    this.outcome = outcome;
  }
  check = (model: Readonly<Model>): boolean => model.underWay.length > 0;
  async run(model: Model, real: Real): Promise<void> {
    const at = this.which % model.underWay.length;
    const [call] = model.underWay.splice(at, 1);
    const [done] = real.underWay.splice(at, 1);
    done!(this.outcome);
    model.settle(call!, this.outcome);
    await check(model, real);
  }
  toString = (): string => `settle(${this.which}, ${this.outcome})`;
}

describe("a breaker", () => {
  it("does what the model does, whatever is done to it", async () => {
    const outcome = fc.constantFrom<Outcome>("success", "failure", "failure", "exclusion");
    const settle = fc.tuple(fc.nat(20), outcome).map(([which, how]) => new Settle(which, how));
    const commands = fc.commands(
      [fc.integer({ min: 1, max: 80 }).map((ms) => new Sleep(ms)), fc.constant(new Admit()), settle],
      { maxCommands: 100, size: "max" },
    );
    await expect(
      fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 6 }),
          fc.constantFrom(1, 30, 50, 100),
          commands,
          async (volume, percent, run) => {
            await fc.asyncModelRun(() => {
              const breaker = hystrix({
                name: "model",
                requestVolumeThreshold: volume,
                errorPercentThreshold: percent,
                maxConcurrentRequests,
                sleepWindowMs,
                timeoutMs: Infinity,
              });
              return { model: new Model(volume, percent), real: { breaker, underWay: [] } };
            }, run);
          },
        ),
        { numRuns: 200 },
      ),
    ).resolves.toBeUndefined();
  });
});
