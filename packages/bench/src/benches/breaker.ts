import { createRequire } from "node:module";
import { gobreaker } from "@kit/circuitbreaker-gobreaker";
import { handyBreaker } from "@kit/circuitbreaker-handy";
import { background, type Context, type Endpoint } from "@kit/endpoint";
import { circuitBreaker, ConsecutiveBreaker, handleAll } from "cockatiel";
import OpossumBreaker from "opossum";

import type { Bench, Claim, Plan, Result } from "../bench.ts";
import { type GoLoop, goPrograms } from "../go/programs.ts";
import { type Contender, cpuMs, interleave } from "../interleave.ts";
import { ownLayers } from "../own-layers.ts";

// It asks for another rxjs than NestJS does, and gets it where its adapter has it.
const hystrix = createRequire(import.meta.resolve("@kit/circuitbreaker-hystrix"))("hystrixjs") as Hystrix;

const hourMs = 3_600_000;

let commands = 0;

interface Hystrix {
  readonly commandFactory: { getOrCreate(key: string): HystrixCommandBuilder };
}

/** Each but the last returns itself. */
interface HystrixCommandBuilder {
  run(run: Endpoint): this;
  timeout(ms: number): this;
  requestVolumeRejectionThreshold(count: number): this;
  circuitBreakerRequestVolumeThreshold(count: number): this;
  circuitBreakerErrorThresholdPercentage(percent: number): this;
  circuitBreakerSleepWindowInMilliseconds(ms: number): this;
  build(): { execute(request: unknown, ctx: Context): Promise<unknown> };
}

/** Puts a breaker around an endpoint, which opens at about six failures and stays open. */
type Wrap = (endpoint: Endpoint) => Endpoint;

const ours = {
  gobreaker: (endpoint) => gobreaker({ timeoutMs: hourMs })(endpoint),
  handyBreaker: (endpoint) => handyBreaker({ failureRatio: 0.5, minObservations: 5, cooldownMs: hourMs })(endpoint),
} satisfies Record<string, Wrap>;

const peers = {
  cockatiel(endpoint) {
    const policy = circuitBreaker(handleAll, { halfOpenAfter: hourMs, breaker: new ConsecutiveBreaker(6) });
    return (request, ctx) => policy.execute(() => endpoint(request, ctx));
  },
  opossum(endpoint) {
    const options = { timeout: false, resetTimeout: hourMs, volumeThreshold: 6, errorThresholdPercentage: 50 } as const;
    const breaker = new OpossumBreaker<[unknown, Context], unknown>(endpoint, options);
    return (request, ctx) => breaker.fire(request, ctx);
  },
  hystrixjs(endpoint) {
    // Its limit of calls under way is on unless it is 0, and so is its timeout.
    const command = hystrix.commandFactory
      .getOrCreate(`bench-${(commands += 1)}`)
      .run(endpoint)
      .timeout(0)
      .requestVolumeRejectionThreshold(0)
      .circuitBreakerRequestVolumeThreshold(6)
      .circuitBreakerErrorThresholdPercentage(50)
      .circuitBreakerSleepWindowInMilliseconds(hourMs)
      .build();
    return (request, ctx) => command.execute(request, ctx);
  },
} satisfies Record<string, Wrap>;

/** Go's gobreaker by itself, and in go-kit's middleware. */
const inGo = (state: "closed" | "open"): Record<string, GoLoop> => ({
  "Go gobreaker": `gobreaker-${state}`,
  "Go go-kit, gobreaker": `breaker-${state}`,
});

/** One of ours at a time: what two of them share is then seen by the engine as it is with one. */
async function closed(name: keyof typeof ours, goal: number, plan: Plan): Promise<Result> {
  const contenders: Record<string, Contender> = {};
  const wraps: Record<string, Wrap | undefined> = { [name]: ours[name], ...peers, "counting by hand": undefined };
  for (const [contender, wrap] of Object.entries(wraps)) {
    const [layer] = await ownLayers(1);
    const { calls, counting, echo } = layer!;
    const endpoint = (wrap ?? counting)(echo);
    contenders[contender] = (count) => calls([endpoint], background, count);
  }
  await using go = goPrograms();
  return {
    title: `a call through a closed breaker: ${name}`,
    costs: await interleave({ ...contenders, ...go.loops(inGo("closed")) }, plan, cpuMs),
    claims: [{ ours: name, other: "counting by hand", goal }, ...aheadOfPeers(name, name === "gobreaker" ? 2.5 : 1.5)],
  };
}

async function open(plan: Plan): Promise<Result> {
  const failure = new Error("down");
  const fails: Endpoint = () => Promise.reject(failure);
  const contenders: Record<string, Contender> = {};
  const wraps: Record<string, Wrap> = { ...ours, ...peers, "bare rejection": (endpoint) => endpoint };
  for (const [contender, wrap] of Object.entries(wraps)) {
    const [layer] = await ownLayers(1);
    const endpoint = wrap(fails);
    await layer!.refusals(endpoint, background, 10);
    contenders[contender] = (count) => layer!.refusals(endpoint, background, count);
  }
  await using go = goPrograms();
  return {
    title: "a refusal by an open breaker",
    costs: await interleave({ ...contenders, ...go.loops(inGo("open")) }, plan, cpuMs),
    claims: [...aheadOfPeers("gobreaker", 4), ...aheadOfPeers("handyBreaker", 4)],
  };
}

function aheadOfPeers(name: keyof typeof ours, goal: number): Claim[] {
  return Object.keys(peers).map((other) => ({ ours: name, other, goal }));
}

/** What a breaker costs while all is well, and what it saves while not. */
export const bench: Bench = [
  (plan) => closed("gobreaker", 1 / 1.2, plan),
  // It counts by the second, so it reads the clock, which counting by hand does not.
  (plan) => closed("handyBreaker", 0.5, plan),
  open,
];
