import { describe, expect, it } from "vitest";
import { memoryMetrics, timer, type TimerOptions } from "../src/index.ts";

/** A histogram of one observation and a clock to go with it. */
function stopwatch() {
  const metrics = memoryMetrics();
  const clock = { ms: 1000, now: () => clock.ms };
  return { clock, histogram: metrics.histogram("h"), seen: () => metrics.distribution("h")! };
}

describe("timer", () => {
  // go-kit TestTimerFast, TestTimerSlow
  it.each([0, 250])("observes %i ms in seconds", (ms) => {
    const { clock, histogram, seen } = stopwatch();
    const running = timer(histogram, { now: clock.now });
    clock.ms += ms;
    running.observe();
    expect(seen()).toMatchObject({ count: 1, sum: ms / 1000 });
  });

  // go-kit TestTimerUnit
  it.each<[TimerOptions["unit"], number]>([
    ["seconds", 0.1],
    ["milliseconds", 100],
    ["microseconds", 100_000],
    ["nanoseconds", 100_000_000],
  ])("observes 100 ms in %s", (unit, want) => {
    const { clock, histogram, seen } = stopwatch();
    const running = timer(histogram, { unit: unit!, now: clock.now });
    clock.ms += 100;
    running.observe();
    expect(seen().sum).toBeCloseTo(want, 9);
  });

  it("takes a clock that ran backwards for no time", () => {
    const { clock, histogram, seen } = stopwatch();
    const running = timer(histogram, { now: clock.now });
    clock.ms -= 500;
    running.observe();
    expect(seen()).toMatchObject({ count: 1, sum: 0 });
  });

  it("observes at the end of its block, also when that throws, and once only", () => {
    const { clock, histogram, seen } = stopwatch();
    expect(() => {
      using running = timer(histogram, { now: clock.now });
      clock.ms += 1000;
      throw new Error(typeof running);
    }).toThrow("object");
    expect(seen()).toMatchObject({ count: 1, sum: 1 });

    const running = timer(histogram, { now: clock.now });
    running.observe();
    clock.ms += 1000;
    running.observe();
    running[Symbol.dispose]();
    expect(seen()).toMatchObject({ count: 2, sum: 1 });
  });

  it("runs on a clock that only goes forward unless told another", () => {
    const { histogram, seen } = stopwatch();
    timer(histogram).observe();
    expect(seen().count).toBe(1);
    expect(seen().sum).toBeLessThan(0.05);
  });

  it("refuses a unit that it does not know", () => {
    const { histogram } = stopwatch();
    const make = () => timer(histogram, { unit: "toString" as "seconds" });
    expect(make).toThrow(
      new TypeError("timer: unit must be one of seconds, milliseconds, microseconds, nanoseconds, got toString"),
    );
  });
});
