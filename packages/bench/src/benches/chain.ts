import { background, chain, type Context, type Endpoint } from "@kit/endpoint";
import middy from "@middy/core";
import { InterceptorsConsumer } from "@nestjs/core/interceptors/interceptors-consumer.js";
import { Effect } from "effect";
import compose from "koa-compose";
import { type Context as MoleculerContext, ServiceBroker } from "moleculer";
import { lastValueFrom, type Observable } from "rxjs";

import type { Bench, Claim, Measure } from "../bench.ts";
import { type GoLoop, goPrograms } from "../go/programs.ts";
import { type Contender, cpuMs, interleave } from "../interleave.ts";
import { ownLayers } from "../own-layers.ts";

type ComposeHono = (middleware: readonly unknown[]) => (context: HonoContext) => Promise<HonoContext>;

/** What hono's compose uses of its context, and what an endpoint is called with. */
class HonoContext {
  readonly req = {};
  readonly request: unknown;
  readonly ctx: Context;
  finalized = false;
  #res: unknown;

  constructor(request: unknown, ctx: Context) {
    this.request = request;
    this.ctx = ctx;
  }

  get res(): unknown {
    return this.#res;
  }

  set res(response: unknown) {
    this.#res = response;
    this.finalized = true;
  }
}

// Not among what hono exports; a whole app would need a Request for each call.
const { compose: composeHono } = (await import(new URL("compose.js", import.meta.resolve("hono")).href)) as {
  readonly compose: ComposeHono;
};

type Layer = typeof import("../layer.ts");
type Effectful = import("../layer.ts").Effectful;

/** Wraps one endpoint in layers. */
type Wrap = (endpoint: Endpoint, layers: readonly Layer[]) => Endpoint | Promise<Endpoint>;

const chained: Wrap = (endpoint, layers) => {
  const [outer, ...inner] = layers.map(({ through }) => through);
  return outer === undefined ? endpoint : chain(outer, ...inner)(endpoint);
};

/** What is no more than calls. */
const nestings: Readonly<Record<string, Wrap>> = {
  chain: chained,
  "nested by hand"(endpoint, layers) {
    let wrapped = endpoint;
    for (const { through } of layers.toReversed()) wrapped = through(wrapped);
    return wrapped;
  },
  "bare call": (endpoint) => endpoint,
};

/** Apart from those, for what these leave on the heap slows them. */
const peers: Readonly<Record<string, Wrap>> = {
  chain: chained,
  "koa-compose"(endpoint, layers) {
    const run = compose(layers.map(({ koaThrough }) => koaThrough));
    return (request, ctx) => run(request, () => endpoint(request, ctx)) as Promise<unknown>;
  },
  hono(endpoint, layers) {
    const last = ({ request, ctx }: HonoContext): Promise<unknown> => endpoint(request, ctx);
    const run = composeHono([...layers.map(({ honoThrough }) => honoThrough), last].map((handler) => [[handler]]));
    return (request, ctx) => run(new HonoContext(request, ctx)).then(({ res }) => res);
  },
  middy(endpoint, layers) {
    const handler = middy((request: unknown, ctx: Context) => endpoint(request, ctx)).use(
      layers.map(({ middyThrough }) => middyThrough),
    );
    return (request, ctx) => handler(request, ctx);
  },
  effect(endpoint, layers) {
    let wrapped: Effectful = (request, ctx) => Effect.promise(() => endpoint(request, ctx));
    for (const { effectThrough } of layers.toReversed()) wrapped = effectThrough(wrapped);
    return (request, ctx) => Effect.runPromise(wrapped(request, ctx));
  },
  /** Without what it puts around every action of its own accord. */
  async moleculer(endpoint, layers) {
    const middlewares = layers.map(({ moleculerThrough }) => moleculerThrough);
    const broker = new ServiceBroker({ logger: false, internalMiddlewares: false, middlewares });
    broker.createService({
      name: "echo",
      actions: {
        say: ({ params, meta }: MoleculerContext<unknown, { readonly ctx: Context }>) => endpoint(params, meta.ctx),
      },
    });
    await broker.start();
    return (request, ctx) => broker.call("echo.say", request, { meta: { ctx } });
  },
  /** As its routes call interceptors. */
  nestjs(endpoint, layers) {
    const interceptors = layers.map(({ nestThrough }) => nestThrough);
    const consumer = new InterceptorsConsumer();
    const [controller, say] = [{}, (): void => {}];
    return async (request, ctx) =>
      lastValueFrom(
        (await consumer.intercept(interceptors, [request, ctx], controller, say, () =>
          endpoint(request, ctx),
        )) as Observable<unknown>,
      );
  },
};

/** That many endpoints, wrapped in the same layers and called in turn. */
async function contender(wrap: Wrap, depth: number, endpoints: number): Promise<Contender> {
  const layers = await ownLayers(depth);
  const wrapped = await Promise.all((await ownLayers(endpoints)).map(async ({ echo }) => wrap(echo, layers)));
  for (const endpoint of wrapped) if ((await endpoint(7, background)) !== 7) throw new Error("not the answer");
  const [loop] = await ownLayers(1);
  return (count) => loop!.calls(wrapped, background, count);
}

/** What is compared, and what is claimed of it. */
interface Comparison {
  readonly contenders: Readonly<Record<string, Wrap>>;
  readonly depth: number;
  readonly endpoints: number;
  /** The same in Go. */
  readonly goLoop?: GoLoop;
  readonly claims: readonly Claim[];
}

function comparing({ contenders, depth, endpoints, goLoop, claims }: Comparison): Measure {
  return async (plan) => {
    const made: Record<string, Contender> = {};
    for (const [name, wrap] of Object.entries(contenders)) made[name] = await contender(wrap, depth, endpoints);
    const around = endpoints === 1 ? "one endpoint" : `each of ${endpoints} endpoints`;
    const beside = contenders === peers ? ", beside the peers" : "";
    await using go = goLoop && goPrograms();
    return {
      title: `${depth} middlewares around ${around}${beside}`,
      costs: await interleave({ ...made, ...(goLoop && go?.loops({ "Go go-kit": goLoop })) }, plan, cpuMs),
      claims,
    };
  };
}

const asByHand: Claim = { ours: "chain", other: "nested by hand", goal: 0.95 };
const nearBareCall: Claim = { ours: "chain", other: "bare call", goal: 0.4 };
const aheadOfPeers = Object.keys(peers)
  .slice(1)
  .map((other): Claim => ({ ours: "chain", other, goal: 3 }));

/**
 * What composing costs. With one endpoint the engine sees through all layers; with eight, as in a service with eight methods, each
 * layer's call goes to eight places and it cannot.
 */
export const bench: Bench = [
  comparing({ contenders: nestings, depth: 0, endpoints: 1, claims: [asByHand] }),
  comparing({ contenders: nestings, depth: 5, endpoints: 1, claims: [asByHand] }),
  comparing({ contenders: peers, depth: 5, endpoints: 1, goLoop: "chain-5", claims: aheadOfPeers }),
  comparing({ contenders: nestings, depth: 10, endpoints: 1, claims: [asByHand, nearBareCall] }),
  comparing({ contenders: peers, depth: 10, endpoints: 1, goLoop: "chain-10", claims: aheadOfPeers }),
  comparing({ contenders: nestings, depth: 10, endpoints: 8, claims: [asByHand, nearBareCall] }),
  comparing({ contenders: peers, depth: 10, endpoints: 8, goLoop: "chain-10-of-8", claims: aheadOfPeers }),
];
