import { type Endpoint, KitError } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import { balancerCases, type BalancerSubject, type MakeBalancer, testBalancer } from "../src/balancer.ts";

const none = new KitError("unavailable", "no endpoints available", { notSent: true });

function choose(list: readonly Endpoint[], index: number): Endpoint {
  if (list.length === 0) throw none;
  return list[index % list.length]!;
}

const inTurn: MakeBalancer = (endpointer) => {
  let next = 0;
  return { pick: () => choose(endpointer.endpoints(), next++) };
};

const atRandom: MakeBalancer = (endpointer) => ({
  pick: () => choose(endpointer.endpoints(), Math.floor(Math.random() * 1_000_000)),
});

/** Wraps what it picks, as a balancer that counts the calls under way does; picks the least loaded. */
const leastLoaded: MakeBalancer = (endpointer) => {
  let known: readonly Endpoint[] = [];
  let nodes: { load: number; endpoint: Endpoint }[] = [];
  return {
    pick() {
      const list = endpointer.endpoints();
      if (list.length === 0) throw none;
      if (list !== known) {
        known = list;
        nodes = list.map((endpoint) => {
          const node = {
            load: 0,
            endpoint: ((request, ctx) => {
              node.load += 1;
              return endpoint(request, ctx).finally(() => {
                node.load -= 1;
              });
            }) as Endpoint,
          };
          return node;
        });
      }
      const from = Math.floor(Math.random() * nodes.length);
      const turned = [...nodes.slice(from), ...nodes.slice(0, from)];
      return turned.reduce((best, node) => (node.load < best.load ? node : best)).endpoint;
    },
  };
};

describe("one after the other", () => {
  testBalancer({ setup: async () => ({ subject: inTurn }), supports: { evenly: true, inTurn: true } });
});

describe("at random", () => {
  testBalancer({
    setup: async () => ({ subject: atRandom }),
    supports: { evenly: true, inTurn: "each pick is drawn by itself" },
  });
});

describe("the least loaded", () => {
  testBalancer({
    setup: async () => ({ subject: leastLoaded }),
    supports: { evenly: true, inTurn: "the load decides" },
  });
});

/** Answers a pick by what the list was when the balancer was made. */
const frozen: MakeBalancer = (endpointer) => {
  const list = endpointer.endpoints();
  let next = 0;
  return { pick: () => choose(list, next++) };
};

const onlyFirst: MakeBalancer = (endpointer) => ({ pick: () => choose(endpointer.endpoints(), 0) });

/** For each case, balancers that must fail it. */
const broken: Record<string, readonly MakeBalancer[]> = {
  "picks an endpoint that works as the one it is given": [
    (endpointer) => ({ pick: () => async (request, ctx) => ({ ...(await endpointer.endpoints()[0]!(request, ctx)) }) }),
    (endpointer) => ({ pick: () => (request, ctx) => endpointer.endpoints()[0]!({ ...request }, ctx) }),
  ],
  "goes round the list, from its first": [
    onlyFirst,
    (endpointer) => {
      let next = 1;
      return { pick: () => choose(endpointer.endpoints(), next++) };
    },
  ],
  "gives each of seven endpoints its share within 5 %": [
    onlyFirst,
    (endpointer) => {
      let next = 0;
      // Each eighth pick goes to the first once more.
      return { pick: () => choose(endpointer.endpoints(), next++ % 8) };
    },
  ],
  "gives each its share of calls that are all under way at once": [onlyFirst],
  "throws unavailable, not sent, while the list is empty": [
    (endpointer) => ({ pick: () => endpointer.endpoints()[0]! }),
    (endpointer) => {
      const balancer = inTurn(endpointer);
      return { pick: () => (endpointer.endpoints().length === 0 ? () => Promise.reject(none) : balancer.pick()) };
    },
    (endpointer) => ({
      pick: () => {
        const [first] = endpointer.endpoints();
        if (first === undefined) throw new KitError("unavailable", "no endpoints available");
        return first;
      },
    }),
  ],
  "throws the endpointer's own error, and goes on when that has passed": [
    (endpointer) => guarded(inTurn(endpointer), () => new KitError("internal", "oh")),
    (endpointer) => {
      let failed: Error | undefined;
      const balancer = inTurn(endpointer);
      const remember = guarded(balancer, (error) => (failed = error as Error));
      return {
        pick() {
          if (failed !== undefined) throw failed;
          return remember.pick();
        },
      };
    },
  ],
  "picks a new endpoint as soon as it is listed": [frozen],
  "never picks an endpoint that is listed no more": [
    frozen,
    (endpointer) => {
      let last: Endpoint | undefined;
      const balancer = inTurn(endpointer);
      let n = 0;
      return { pick: () => (last = n++ % 3 === 2 && last !== undefined ? last : balancer.pick()) };
    },
  ],
  "lets go of an endpoint that is listed no more": [
    (endpointer) => {
      const balancer = inTurn(endpointer);
      const seen = new Set<Endpoint>();
      return {
        pick() {
          const picked = balancer.pick();
          seen.add(picked);
          return picked;
        },
      };
    },
  ],
  "keeps nothing of a pick": [
    (endpointer) => {
      const balancer = inTurn(endpointer);
      const history: unknown[] = [];
      return {
        pick(_ctx, request) {
          history.push(request);
          return balancer.pick();
        },
      };
    },
  ],
};

function guarded(balancer: BalancerSubject, replace: (error: unknown) => Error): BalancerSubject {
  return {
    pick() {
      try {
        return balancer.pick();
      } catch (error) {
        throw replace(error);
      }
    },
  };
}

describe("the suite", () => {
  it("has a broken balancer for every case", () => {
    expect(Object.keys(broken)).toEqual(balancerCases.map(({ title }) => title));
  });

  for (const { title, run } of balancerCases) {
    for (const [i, subject] of (broken[title] ?? []).entries()) {
      it(`catches broken one ${i + 1}: ${title}`, async () => {
        await expect(run(subject)).rejects.toBeInstanceOf(Error);
      });
    }
  }
});
