import { gobreaker } from "@kit/circuitbreaker-gobreaker";
import { handyBreaker } from "@kit/circuitbreaker-handy";
import { background, type Context, type Endpoint } from "@kit/endpoint";
import { circuitBreaker, ConsecutiveBreaker, handleAll } from "cockatiel";
import OpossumBreaker from "opossum";

import type { Bench, Plan, Result } from "../bench.ts";
import { type Contender, interleave } from "../interleave.ts";
import { ownLayers } from "../own-layers.ts";

const hourMs = 3_600_000;

/** Puts a breaker around an endpoint, which opens at six failures in a row and stays open. */
type Wrap = (endpoint: Endpoint) => Endpoint;

const breakers: Readonly<Record<string, Wrap>> = {
  gobreaker: (endpoint) => gobreaker({ timeoutMs: hourMs })(endpoint),
  handyBreaker: (endpoint) =>
    handyBreaker({ failureRatio: 0.5, minObservations: 5, cooldownMs: hourMs, windowMs: hourMs })(endpoint),
  cockatiel(endpoint) {
    const policy = circuitBreaker(handleAll, { halfOpenAfter: hourMs, breaker: new ConsecutiveBreaker(6) });
    return (request, ctx) => policy.execute(() => endpoint(request, ctx));
  },
  opossum(endpoint) {
    const options = { timeout: false, resetTimeout: hourMs, volumeThreshold: 6, errorThresholdPercentage: 50 } as const;
    const breaker = new OpossumBreaker<[unknown, Context], unknown>(endpoint, options);
    return (request, ctx) => breaker.fire(request, ctx);
  },
};

async function closed(plan: Plan): Promise<Result> {
  const contenders: Record<string, Contender> = {};
  const wraps: Record<string, (layer: Awaited<ReturnType<typeof ownLayers>>[0]) => Endpoint> = {
    "bare call": ({ echo }) => echo,
    "counting by hand": ({ counting, echo }) => counting(echo),
  };
  for (const [name, wrap] of Object.entries(breakers)) wraps[name] = ({ echo }) => wrap(echo);
  for (const [name, wrap] of Object.entries(wraps)) {
    const [layer] = await ownLayers(1);
    const endpoint = wrap(layer!);
    contenders[name] = (count) => layer!.calls([endpoint], background, count);
  }
  return {
    title: "a call through a closed breaker",
    costs: await interleave(contenders, plan),
    claims: [
      { ours: "gobreaker", other: "counting by hand", goal: 1 / 1.2 },
      { ours: "gobreaker", other: "cockatiel", goal: 2.5 },
      { ours: "gobreaker", other: "opossum", goal: 2.5 },
      { ours: "handyBreaker", other: "cockatiel", goal: 1 },
    ],
  };
}

async function open(plan: Plan): Promise<Result> {
  const failure = new Error("down");
  const fails: Endpoint = () => Promise.reject(failure);
  const contenders: Record<string, Contender> = {};
  for (const [name, wrap] of Object.entries({ "bare rejection": (endpoint: Endpoint) => endpoint, ...breakers })) {
    const [layer] = await ownLayers(1);
    const endpoint = wrap(fails);
    await layer!.refusals(endpoint, background, 10);
    contenders[name] = (count) => layer!.refusals(endpoint, background, count);
  }
  return {
    title: "a refusal by an open breaker",
    costs: await interleave(contenders, plan),
    claims: ["gobreaker", "handyBreaker"].flatMap((ours) => [
      { ours, other: "cockatiel", goal: 4 },
      { ours, other: "opossum", goal: 4 },
    ]),
  };
}

/** What a breaker costs while all is well, and what it saves while not. */
export const breakerBench: Bench = {
  name: "breaker",
  run: async (plan) => [await closed(plan), await open(plan)],
};
