import { describe, expect, it } from "vitest";
import { FailureRate } from "../src/failure-rate.ts";

function bench(seconds: number): { rate: FailureRate; sleep: (ms: number) => void } {
  let time = 1_000_000;
  return { rate: new FailureRate(seconds, () => time), sleep: (ms) => void (time += ms) };
}

describe("FailureRate", () => {
  it("is the share of failures, as handy's TestErrorRateUnderThreshold and TestErrorRateOverThreshold", () => {
    const { rate } = bench(5);
    expect(rate.counts).toEqual({ successes: 0, failures: 0, failureRate: 0 });
    for (let i = 0; i < 6; i += 1) rate.succeeded();
    for (let i = 0; i < 2; i += 1) rate.failed();
    expect(rate.counts).toEqual({ successes: 6, failures: 2, failureRate: 0.25 });
  });

  it("is that of the last seconds, as handy's TestErrorRateCalculatedFromLast5Seconds", () => {
    const { rate, sleep } = bench(5);
    for (let i = 0; i < 10; i += 1) {
      sleep(1_000);
      rate.failed();
      rate.succeeded();
      if (i < 5) rate.failed();
      else rate.succeeded();
    }
    expect(rate.counts).toEqual({ successes: 10, failures: 5, failureRate: 1 / 3 });
  });

  it("forgets all over a gap as long as the window, and the gap's share over a shorter one, as handy's TestErrorRateCalculationWithTimeGap", () => {
    const { rate, sleep } = bench(3);
    for (let i = 0; i < 3; i += 1) {
      sleep(1_000);
      rate.failed();
    }
    sleep(2_000);
    rate.succeeded();
    expect(rate.counts).toEqual({ successes: 1, failures: 1, failureRate: 0.5 });
    sleep(3_000);
    rate.succeeded();
    expect(rate.counts).toEqual({ successes: 1, failures: 0, failureRate: 0 });
    sleep(-1_000);
    rate.failed();
    expect(rate.counts).toEqual({ successes: 0, failures: 1, failureRate: 1 });
  });

  it("begins a bucket with each full second of the clock", () => {
    const { rate, sleep } = bench(1);
    sleep(999);
    rate.failed();
    expect(rate.counts.failures).toBe(1);
    sleep(1);
    expect(rate.counts.failures).toBe(0);
  });
});
