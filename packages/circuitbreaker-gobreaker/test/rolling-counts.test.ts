import { describe, expect, it } from "vitest";
import { RollingCounts } from "../src/rolling-counts.ts";

type Outcome = "succeeded" | "failed" | "excluded";

const none = {
  requests: 0,
  totalSuccesses: 0,
  totalFailures: 0,
  totalExclusions: 0,
  consecutiveSuccesses: 0,
  consecutiveFailures: 0,
};

/** One request with each outcome, in the bucket that is current. */
function fill(counts: RollingCounts, ...outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes) {
    request(counts);
    settle(counts, outcome, counts.age);
  }
}

function request(counts: RollingCounts): void {
  for (const tally of new Set([counts.total, counts.bucket(counts.age)])) tally.requests += 1;
}

/** The outcome of a request, in the bucket that it was in. */
function settle(counts: RollingCounts, outcome: Outcome, age: number): void {
  for (const tally of new Set([counts.total, counts.bucket(age)])) {
    if (outcome === "excluded") tally.totalExclusions += 1;
    else tally[outcome]();
  }
}

describe.each([
  ["one bucket", 1],
  ["two buckets", 2],
])("%s", (_title, buckets) => {
  it("counts requests and outcomes, as gobreaker's TestCountsMethods and TestRollingCountsMethods", () => {
    const counts = new RollingCounts(buckets);
    expect(counts.total.copy()).toEqual(none);
    request(counts);
    expect(counts.total.copy()).toEqual({ ...none, requests: 1 });
    settle(counts, "succeeded", 0);
    expect(counts.total.copy()).toEqual({ ...none, requests: 1, totalSuccesses: 1, consecutiveSuccesses: 1 });
    fill(counts, "succeeded");
    expect(counts.total.copy()).toEqual({ ...none, requests: 2, totalSuccesses: 2, consecutiveSuccesses: 2 });
    fill(counts, "failed", "failed");
    expect(counts.total.copy()).toEqual({
      ...none,
      requests: 4,
      totalSuccesses: 2,
      totalFailures: 2,
      consecutiveFailures: 2,
    });
    fill(counts, "excluded");
    expect(counts.total.copy()).toEqual({
      ...none,
      requests: 5,
      totalSuccesses: 2,
      totalFailures: 2,
      totalExclusions: 1,
      consecutiveFailures: 2,
    });
    counts.clear();
    expect(counts.total.copy()).toEqual(none);
  });
});

describe("two buckets", () => {
  it("takes off the oldest bucket when a new one begins, as gobreaker's TestRollingCountsGrow", () => {
    const counts = new RollingCounts(2);
    fill(counts, "succeeded", "failed", "excluded");
    counts.grow(0);
    counts.grow(1);
    fill(counts, "succeeded");
    expect(counts.total.copy()).toEqual({
      requests: 4,
      totalSuccesses: 2,
      totalFailures: 1,
      totalExclusions: 1,
      consecutiveSuccesses: 1,
      consecutiveFailures: 0,
    });
    counts.grow(2);
    expect(counts.total.copy()).toEqual({ ...none, requests: 1, totalSuccesses: 1, consecutiveSuccesses: 1 });
    counts.grow(4);
    expect(counts.total.copy()).toEqual(none);
  });

  it("puts a late outcome where its request was, while that bucket is there", () => {
    const counts = new RollingCounts(2);
    request(counts);
    counts.grow(1);
    expect(counts.has(0)).toBe(true);
    settle(counts, "failed", 0);
    counts.grow(2);
    expect(counts.has(0)).toBe(false);
    expect(counts.total.copy()).toEqual(none);
  });

  it("takes off a run's part that is in the oldest bucket, and no other run", () => {
    const counts = new RollingCounts(2);
    fill(counts, "succeeded", "failed", "failed");
    counts.grow(1);
    fill(counts, "failed");
    expect(counts.total.consecutiveFailures).toBe(3);
    counts.grow(2);
    expect(counts.total.consecutiveFailures).toBe(1);
    fill(counts, "succeeded", "succeeded");
    counts.grow(3);
    expect(counts.total.copy()).toEqual({ ...none, requests: 2, totalSuccesses: 2, consecutiveSuccesses: 2 });
  });
});
