import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoff } from "../src/index.ts";

const options = fc
  .record({
    baseMs: fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
    reach: fc.double({ min: 1, max: 1e3, noNaN: true }),
    factor: fc.double({ min: 1, max: 100, noNaN: true }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ baseMs, reach, factor, jitter }) => ({ baseMs, maxMs: baseMs * reach, factor, jitter }));
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const attempt = fc.oneof(fc.nat(100), fc.nat(Number.MAX_SAFE_INTEGER));

describe("backoff", () => {
  it("doubles from the base to the cap", () => {
    const waitMs = backoff({ baseMs: 100, maxMs: 1_000, jitter: 0 });
    expect([0, 1, 2, 3, 4, 5].map(waitMs)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it("grows by another factor if told to", () => {
    const waitMs = backoff({ baseMs: 10, maxMs: 1_000, factor: 3, jitter: 0 });
    expect([0, 1, 2, 3].map(waitMs)).toEqual([10, 30, 90, 270]);
  });

  it("leaves half of each wait to chance, also at the cap", () => {
    const draws = [0, 0.5, 0.999];
    const waits = draws.map((draw) => backoff({ baseMs: 100, maxMs: 400, random: () => draw }));
    expect(waits.map((waitMs) => waitMs(0))).toEqual([100, 75, 50.05]);
    expect(waits.map((waitMs) => waitMs(50))).toEqual([400, 300, 200.2]);
  });

  it("leaves all of it to chance with a jitter of 1", () => {
    expect(backoff({ baseMs: 100, maxMs: 400, jitter: 1, random: () => 0.999 })(0)).toBeCloseTo(0.1);
  });

  it("stays between its floor and its ceiling, however often it was tried", () => {
    fc.assert(
      fc.property(options, chance, attempt, (given, draw, n) => {
        const ceiling = Math.min(given.maxMs, given.baseMs * given.factor ** n);
        const wait = backoff({ ...given, random: () => draw })(n);
        expect(wait).toBeLessThanOrEqual(ceiling);
        expect(wait).toBeGreaterThanOrEqual(ceiling * (1 - given.jitter));
      }),
    );
  });

  it("never gets shorter with the attempts, but for chance, and starts anew at 0", () => {
    fc.assert(
      fc.property(options, chance, fc.nat(200), (given, draw, n) => {
        const waitMs = backoff({ ...given, random: () => draw });
        const first = waitMs(0);
        expect(waitMs(n + 1)).toBeGreaterThanOrEqual(waitMs(n));
        expect(waitMs(0)).toBe(first);
      }),
    );
  });

  it.for([
    [{ baseMs: 0, maxMs: 1 }, "baseMs"],
    [{ baseMs: -1, maxMs: 1 }, "baseMs"],
    [{ baseMs: NaN, maxMs: 1 }, "baseMs"],
    [{ baseMs: "1", maxMs: 1 }, "baseMs"],
    [{ baseMs: 10, maxMs: 9 }, "maxMs"],
    [{ baseMs: 10, maxMs: Infinity }, "maxMs"],
    [{ baseMs: 10, maxMs: 2 ** 31 }, "maxMs"],
    [{ baseMs: 1, maxMs: 2, factor: 0.9 }, "factor"],
    [{ baseMs: 1, maxMs: 2, factor: NaN }, "factor"],
    [{ baseMs: 1, maxMs: 2, jitter: 1.1 }, "jitter"],
    [{ baseMs: 1, maxMs: 2, jitter: -0.1 }, "jitter"],
  ] as const)("refuses %o", ([wrong, option]) => {
    expect(() => backoff(wrong as never)).toThrow(TypeError);
    expect(() => backoff(wrong as never)).toThrow(`backoff: ${option} must be`);
  });
});
