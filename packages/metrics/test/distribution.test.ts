import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamingDistribution } from "../src/push.ts";

function distributionOf(bins: number, values: readonly number[]): StreamingDistribution {
  const distribution = new StreamingDistribution(bins);
  for (const value of values) distribution.observe(value);
  return distribution;
}

const exactly = ({ count, sum, min, max }: StreamingDistribution) => ({ count, sum, min, max });

describe("StreamingDistribution", () => {
  it("has a bin for each value until there are too many, then merges the nearest", () => {
    expect(distributionOf(3, [5, 1, 5, 9]).bins()).toEqual([
      { value: 1, count: 1 },
      { value: 5, count: 2 },
      { value: 9, count: 1 },
    ]);
    expect(distributionOf(3, [5, 1, 5, 9, 8]).bins()).toEqual([
      { value: 1, count: 1 },
      { value: 5, count: 2 },
      { value: 8.5, count: 2 },
    ]);
  });

  it("takes many observations of one value as so many of it", () => {
    const [at, once] = [new StreamingDistribution(2), new StreamingDistribution(2)];
    for (const [value, count] of [
      [4, 3],
      [1, 2],
      [4, 1],
      [9, 2],
    ] as const) {
      at.observe(value, count);
      for (let i = 0; i < count; i++) once.observe(value);
    }
    expect(at).toMatchObject(exactly(once));
    expect(at.bins()).toEqual(once.bins());
  });

  it("can be poured into another without losing count, sum or quantiles of few values", () => {
    const sample = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(sample, sample, (one, other) => {
        const poured = distributionOf(100, one);
        for (const { value, count } of distributionOf(100, other).bins()) poured.observe(value, count);
        const together = distributionOf(100, [...one, ...other]);
        expect(poured).toMatchObject(exactly(together));
        expect(poured.bins()).toEqual(together.bins());
      }),
    );
  });
});
