import { background, type Endpoint, KitError } from "@kit/endpoint";
import { type Endpointer, fixedEndpointer } from "@kit/sd";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { type Balancer, noEndpoints, random, roundRobin } from "../src/index.ts";

/** Endpoints that count their calls, as go-kit's tests do. */
function counters(count: number): { readonly counts: number[]; readonly endpoints: Endpoint[] } {
  const counts = Array.from({ length: count }, () => 0);
  return {
    counts,
    endpoints: counts.map((_, i) => async () => {
      counts[i]! += 1;
    }),
  };
}

/** A generator of numbers from 0 to below 1 that is the same in each run (mulberry32). */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("roundRobin", () => {
  it("rotates strictly, as go-kit's TestRoundRobin", async () => {
    const { counts, endpoints } = counters(3);
    const balancer = roundRobin(fixedEndpointer(endpoints));
    const seen: number[][] = [];
    for (let i = 0; i < 7; i++) {
      await balancer.pick()({}, background);
      seen.push([...counts]);
    }
    expect(seen).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
      [2, 1, 1],
      [2, 2, 1],
      [2, 2, 2],
      [3, 2, 2],
    ]);
  });

  it("gives calls that overlap their turns too, as go-kit's TestRoundRobinNoRace", async () => {
    const { counts, endpoints } = counters(5);
    const balancer = roundRobin(fixedEndpointer(endpoints));
    await Promise.all(Array.from({ length: 1_000 }, () => balancer.pick()({}, background)));
    expect(counts).toEqual([200, 200, 200, 200, 200]);
  });

  it("has no endpoints in an empty list, as go-kit's TestRoundRobinNoEndpoints", () => {
    expect(() => roundRobin(fixedEndpointer([])).pick()).toThrow(noEndpoints);
  });

  it("goes on from its place when the list grows, and from the first when it has shrunk below", () => {
    let list = ["a", "b"];
    const balancer = roundRobin<string>({ endpoints: () => list, instances: () => [] });
    const pick = (count: number): string => Array.from({ length: count }, () => balancer.pick()).join("");
    expect(pick(2)).toBe("ab");
    list = ["a", "b", "c"];
    expect(pick(3)).toBe("cab");
    list = ["a"];
    expect(pick(2)).toBe("aa");
  });

  it("picks each of a list equally often, but for one, however it changes", () => {
    const step = fc.record({ length: fc.integer({ min: 1, max: 8 }), rounds: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let list: number[] = [];
        const balancer = roundRobin<number>({ endpoints: () => list, instances: () => [] });
        for (const { length, rounds } of steps) {
          list = Array.from({ length }, (_, i) => i);
          const picked = Array.from({ length: length * rounds }, () => balancer.pick());
          for (const one of list) {
            const count = picked.filter((other) => other === one).length;
            expect(count).toBeGreaterThanOrEqual(rounds - 1);
            expect(count).toBeLessThanOrEqual(rounds + 1);
          }
        }
      }),
    );
  });
});

describe("random", () => {
  it("spreads a million picks over seven endpoints within 1 %, as go-kit's TestRandom", () => {
    const names = [0, 1, 2, 3, 4, 5, 6];
    const balancer = random(fixedEndpointer(names), { random: seeded(415) });
    const counts = names.map(() => 0);
    for (let i = 0; i < 1_000_000; i++) counts[balancer.pick()]! += 1;
    const mean = 1_000_000 / 7;
    for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(mean / 100);
  });

  it("has no endpoints in an empty list, as go-kit's TestRandomNoEndpoints", () => {
    expect(() => random(fixedEndpointer([])).pick()).toThrow(noEndpoints);
  });

  it("draws with the numbers it is given", () => {
    const numbers = [0, 0.5, 0.999_999];
    const balancer = random(fixedEndpointer(["a", "b", "c"]), { random: () => numbers.shift()! });
    expect([balancer.pick(), balancer.pick(), balancer.pick()]).toEqual(["a", "b", "c"]);
  });
});

describe.each([
  ["roundRobin", roundRobin],
  ["random", random],
])("%s", (_, make) => {
  it("passes the endpointer's error on, the same object", () => {
    const error = new KitError("unavailable", "the registry is down");
    const failing: Endpointer = {
      endpoints: () => {
        throw error;
      },
      instances: () => [],
    };
    expect(() => make(failing).pick()).toThrow(error);
  });

  it("captures no stack when there is nothing to pick, and says that nothing was sent", () => {
    expect(noEndpoints).toMatchObject({ code: "unavailable", message: "no endpoints available", notSent: true });
    expect(noEndpoints.stack).not.toContain(" at ");
  });

  it("picks whatever an endpointer lists, whole clients too", () => {
    const client = { sum: async (request: { a: number; b: number }) => request.a + request.b };
    const balancer = make(fixedEndpointer([client]));
    expectTypeOf(balancer).toEqualTypeOf<Balancer<typeof client>>();
    expect(balancer.pick()).toBe(client);
  });
});
