import { describe, expect, it } from "vitest";

import { createTally } from "../src/tally.mjs";

function tallyOf(...lines: string[]) {
  const tally = createTally();
  for (const line of lines) tally.add(line);
  return tally;
}

describe("the tally of tests", () => {
  it("reads what vitest counts, for each task apart", () => {
    const tally = tallyOf(
      "@kit/lb:test: \u001B[2m      Tests \u001B[22m \u001B[1m\u001B[31m1 failed\u001B[39m | 12 passed | 3 skipped\u001B[90m (16)\u001B[39m",
      "@kit/sd:test:       Tests  7 passed (7)",
      "@kit/sd:test:integration:       Tests  2 passed | 1 todo (3)",
      "@kit-apps/addsvc:test:       Tests  4 passed (4)",
    );
    expect(tally.tasks()).toMatchObject([
      { name: "@kit/lb", broken: false, passed: 12, failed: 1, skipped: 3 },
      { name: "@kit/sd", broken: false, passed: 7, failed: 0, skipped: 0 },
      { name: "@kit/sd (integration)", broken: false, passed: 2, failed: 0, skipped: 1 },
      { name: "@kit-apps/addsvc", broken: false, passed: 4, failed: 0, skipped: 0 },
    ]);
  });

  it("counts a failure where a run broke without a failed test", () => {
    const broken = "@kit/lb#test:  ERROR  command (packages/lb) pnpm run test exited (1)";
    const counts = "@kit/lb:test:       Tests  12 passed (12)";
    for (const lines of [[counts, broken], [broken, counts], [broken]]) {
      expect(tallyOf(...lines).tasks()).toMatchObject([{ name: "@kit/lb", broken: true, failed: 1 }]);
    }
  });

  it("keeps what each task printed, in order, and turbo's own lines apart", () => {
    const tally = tallyOf(
      "@kit/a:test: one",
      "@kit/b:build: other",
      " Tasks:    2 successful, 2 total",
      "@kit/a:test: two: 2",
    );
    expect(tally.tasks().map(({ name, output }) => [name, output])).toEqual([
      ["@kit/a", ["one", "two: 2"]],
      ["@kit/b (build)", ["other"]],
    ]);
    expect(tally.unassigned).toEqual([" Tasks:    2 successful, 2 total"]);
  });

  it("tells of a run as soon as its counts are known", () => {
    const told: string[] = [];
    const tally = createTally(({ name, passed }) => told.push(`${name} ${passed}`));
    tally.add("@kit/a:test: Test Files  1 passed (1)");
    expect(told).toEqual([]);
    tally.add("@kit/a:test:      Tests  5 passed (5)");
    expect(told).toEqual(["@kit/a 5"]);
  });
});
