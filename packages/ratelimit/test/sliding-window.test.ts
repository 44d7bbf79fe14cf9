import assert from "node:assert/strict";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slidingWindow } from "../src/index.ts";

describe("slidingWindow", () => {
  it("allows the limit in a window, and again what has left it", () => {
    let time = 0;
    const window = slidingWindow({ limit: 2, windowMs: 100, now: () => time });
    const at = (ms: number): boolean => {
      time = ms;
      return window.allow();
    };
    expect([at(0), at(60), at(99), at(100), at(159), at(160)]).toEqual([true, true, false, true, false, true]);
  });

  it("says when a refused call may be allowed, rounded up", () => {
    let time = 0;
    const window = slidingWindow({ limit: 1, windowMs: 100, now: () => time });
    expect(window.retryAfterMs()).toBe(0);
    window.allow();
    time = 0.5;
    expect(window.retryAfterMs()).toBe(100);
    time = 100;
    expect(window.retryAfterMs()).toBe(0);
  });

  it("stands still when its clock is set back, and forgets nothing", () => {
    let time = 1_000;
    const window = slidingWindow({ limit: 1, windowMs: 100, now: () => time });
    window.allow();
    time = 0;
    expect(window.allow()).toBe(false);
    expect(window.retryAfterMs()).toBe(100);
    time = 1_100;
    expect(window.allow()).toBe(true);
  });

  it("uses a clock of its own", () => {
    const window = slidingWindow({ limit: 1, windowMs: 3_600_000 });
    expect([window.allow(), window.allow()]).toEqual([true, false]);
  });

  it.each([
    [{ limit: 0, windowMs: 1 }, "limit must be a positive integer, got 0"],
    [{ limit: 1.5, windowMs: 1 }, "limit must be a positive integer, got 1.5"],
    [{ limit: 1, windowMs: 0 }, "windowMs must be a positive number, got 0"],
    [{ limit: 1, windowMs: Infinity }, "windowMs must be a positive number, got Infinity"],
  ])("%o is refused by name", (options, message) => {
    expect(() => slidingWindow(options)).toThrow(new TypeError(`slidingWindow: ${message}`));
  });

  it("does what a list of times does, whenever it is asked", () => {
    const asked = fc.array(fc.tuple(fc.nat(40), fc.constantFrom("allow", "look")), { maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 100 }), asked, (limit, windowMs, steps) => {
        let time = 0;
        let model: number[] = [];
        const window = slidingWindow({ limit, windowMs, now: () => time });
        for (const [pause, what] of steps) {
          time += pause;
          model = model.filter((at) => at + windowMs > time);
          const [oldest, newest] = [model[0], model.at(-1)];
          if (what === "allow") {
            assert.equal(window.allow(), model.length < limit);
            if (model.length < limit) model.push(time);
          } else {
            assert.deepEqual(window.quota(), {
              limit,
              remaining: limit - model.length,
              resetMs: newest === undefined ? 0 : newest + windowMs - time,
            });
            assert.equal(window.idle(), model.length === 0);
            assert.equal(window.retryAfterMs(), model.length < limit ? 0 : oldest! + windowMs - time);
          }
        }
      }),
    );
  });
});
