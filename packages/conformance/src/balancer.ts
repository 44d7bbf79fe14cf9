import { background, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "vitest";
import { onSubject, runCases } from "./suite.ts";

/** What a balancer is given: `Endpointer` of `@kit/sd`. */
export interface BalancedEndpoints {
  endpoints(): readonly Endpoint[];
  instances(): readonly { readonly address: string; readonly weight?: number; readonly zone?: string }[];
}

/** What is tested: `Balancer` of `@kit/lb`. */
export interface BalancerSubject {
  pick(ctx?: Context, request?: unknown): Endpoint;
}

export type MakeBalancer = (endpoints: BalancedEndpoints) => BalancerSubject;

/**
 * How a balancer spreads, by its nature:
 * - `evenly`: instances of equal weight and load get equal shares;
 * - `inTurn`: strictly one after the other, from the first.
 */
export type BalancerCapability = "evenly" | "inTurn";

export interface BalancerSuiteOptions {
  /** Makes what makes a balancer. It is told of no context and of requests `{ n }` with a different number each. */
  readonly setup: () => Promise<{ readonly subject: MakeBalancer; readonly teardown?: () => Promise<void> }>;
  /** `true`, or why not: the case is then skipped with that message. */
  readonly supports: Readonly<Record<BalancerCapability, true | string>>;
}

export interface BalancerCase {
  /** A sentence whose subject is the balancer. */
  readonly title: string;
  readonly capability?: BalancerCapability;
  readonly run: (make: MakeBalancer) => Promise<void>;
}

/** What every balancer must do, however it chooses. What is picked may be wrapped, so it is told by what it answers. */
export function testBalancer(options: BalancerSuiteOptions): void {
  const { setup, supports } = options;
  runCases("a balancer", balancerCases, supports, async ({ run }) => onSubject(await setup(), run));
}

/** The suite's cases, as `testBalancer` runs them. */
export const balancerCases: readonly BalancerCase[] = [
  {
    title: "picks an endpoint that works as the one it is given",
    async run(make) {
      const [request, response] = [{ n: 1 }, { n: 2 }];
      const error = new KitError("not_found", "no such thing");
      const seen: unknown[] = [];
      const list = new List();
      const balancer = make(list);
      list.set(["a"], () => async (...call) => {
        seen.push(...call);
        return response;
      });
      expect(await balancer.pick()(request, background)).toBe(response);
      expect([seen[0] === request, seen[1] === background]).toEqual([true, true]);
      list.set(["b"], () => () => Promise.reject(error));
      await expect(balancer.pick()(request, background)).rejects.toBe(error);
    },
  },
  {
    title: "goes round the list, from its first",
    capability: "inTurn",
    async run(make) {
      const balancer = make(new List("a", "b", "c"));
      expect(await picks(balancer, 7)).toEqual(["a", "b", "c", "a", "b", "c", "a"]);
    },
  },
  {
    title: "gives each of seven endpoints its share within 5 %",
    capability: "evenly",
    async run(make) {
      const names = ["a", "b", "c", "d", "e", "f", "g"];
      const picked = await picks(make(new List(...names)), 70_000);
      const shares = names.map((name) => picked.filter((p) => p === name).length);
      // 5.4 standard deviations of a fair draw.
      expect(shares.filter((share) => Math.abs(share - 10_000) > 500)).toEqual([]);
    },
  },
  {
    title: "gives each its share of calls that are all under way at once",
    capability: "evenly",
    async run(make) {
      const balancer = make(new List("a", "b"));
      const answers = Array.from({ length: 4_000 }, (_, n) => answer(balancer, n));
      const picked = await Promise.all(answers);
      expect(Math.abs(picked.filter((p) => p === "a").length - 2_000)).toBeLessThan(200);
    },
  },
  {
    title: "throws unavailable, not sent, while the list is empty",
    async run(make) {
      const list = new List();
      const balancer = make(list);
      const failure = { code: "unavailable", message: "no endpoints available", notSent: true };
      expect(() => balancer.pick()).toThrow(expect.objectContaining(failure));
      list.set(["a"]);
      expect(await picks(balancer, 1)).toEqual(["a"]);
      list.set([]);
      expect(() => balancer.pick()).toThrow(expect.objectContaining(failure));
    },
  },
  {
    title: "throws the endpointer's own error, and goes on when that has passed",
    async run(make) {
      const list = new List("a");
      const balancer = make(list);
      list.error = new KitError("unavailable", "the registry is down");
      expect(() => balancer.pick()).toThrow(list.error);
      list.error = undefined;
      expect(await picks(balancer, 1)).toEqual(["a"]);
    },
  },
  {
    title: "picks a new endpoint as soon as it is listed",
    async run(make) {
      const list = new List("a", "b");
      const balancer = make(list);
      await picks(balancer, 5);
      list.set(["a", "b", "c"]);
      expect(await picks(balancer, 500)).toContain("c");
    },
  },
  {
    title: "never picks an endpoint that is listed no more",
    async run(make) {
      const names = ["a", "b", "c", "d", "e"];
      for (let before = 0; before <= names.length; before++) {
        const list = new List(...names);
        const balancer = make(list);
        await picks(balancer, before);
        for (let left = names.length - 1; left > 0; left--) {
          list.set(names.slice(0, left));
          expect(names.slice(0, left)).toEqual(expect.arrayContaining(await picks(balancer, 20)));
        }
      }
    },
  },
  {
    title: "lets go of an endpoint that is listed no more",
    async run(make) {
      const list = new List();
      const balancer = make(list);
      const gone = replaced(list, balancer);
      await new Promise((resolve) => void setImmediate(resolve));
      collectGarbage();
      expect(gone.deref()).toBeUndefined();
      expect(balancer.pick()).toBeDefined();
    },
  },
  {
    title: "keeps nothing of a pick",
    async run(make) {
      const balancer = make(new List("a", "b", "c"));
      const pick = async (): Promise<void> => {
        for (let n = 0; n < 200_000; n++) balancer.pick(undefined, { n });
      };
      await pick();
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      await pick();
      collectGarbage();
      // A single reference kept of each would be 1.6 MB, with what it refers to 5 and more.
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(1_500_000);
    },
  },
];

/** An endpointer that lists what it is told to; each endpoint answers with its name. */
class List implements BalancedEndpoints {
  error: Error | undefined = undefined;
  #endpoints: readonly Endpoint[] = [];
  #instances: readonly { address: string }[] = [];

  constructor(...names: string[]) {
    this.set(names);
  }

  set(names: readonly string[], make: (name: string) => Endpoint = (name) => async () => name): void {
    this.#endpoints = names.map(make);
    this.#instances = names.map((address) => ({ address }));
  }

  endpoints(): readonly Endpoint[] {
    if (this.error !== undefined) throw this.error;
    return this.#endpoints;
  }

  instances(): readonly { address: string }[] {
    return this.#instances;
  }
}

function answer(balancer: BalancerSubject, n: number): Promise<string> {
  const request = { n };
  return balancer.pick(undefined, request)(request, background);
}

async function picks(balancer: BalancerSubject, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let n = 0; n < count; n++) names.push(await answer(balancer, n));
  return names;
}

/** In a function of its own, so that no variable outside still holds the endpoint. */
function replaced(list: List, balancer: BalancerSubject): WeakRef<Endpoint> {
  list.set(["a"]);
  balancer.pick();
  const gone = new WeakRef(list.endpoints()[0]!);
  list.set(["b"]);
  balancer.pick();
  return gone;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}
