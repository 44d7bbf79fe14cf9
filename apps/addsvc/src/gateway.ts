import { balancedClient, roundRobin } from "@kit/lb";
import type { Context } from "@kit/endpoint";
import { type Actor, health } from "@kit/lifecycle";
import { levels, type Logger } from "@kit/log";
import { prometheusMetrics } from "@kit/metrics-prometheus";
import { until } from "@kit/service";
import { connectHttp, drainHttp } from "@kit/transport-http";
import { Registry } from "prom-client";
import { Add } from "./contract.ts";
import { debugHandler } from "./debug.ts";
import { addEndpoints } from "./endpoints.ts";
import { addressOf, type Flag, positive } from "./flags.ts";
import { listen, type Listening } from "./listen.ts";
import type { Registry as Services } from "./registry.ts";
import { commonFlags, limitsOf } from "./settings.ts";
import { type Wire, wireActor, wireFlags, wiresOf } from "./wires.ts";

export const gatewayFlags = {
  ...wireFlags,
  "debug-addr": { value: ":8080", help: "where /metrics, /healthz and /readyz are" },
  "retry-max": { value: "3", help: "attempts at a call, each on another instance" },
  "retry-timeout": { value: "500", help: "time for all attempts together, in ms" },
  ...commonFlags,
} satisfies Record<string, Flag>;

export type GatewayFlags = Readonly<Record<keyof typeof gatewayFlags, string>>;

/** The front door: finds the instances, and serves the same contract by calling them. */
export interface Gateway {
  /** In the order in which they start. */
  readonly actors: readonly Actor[];
  /** To be started last: says that all the rest is up. */
  readonly probes: Actor;
  /** Where the service is called, by wire; known once the actors have started. */
  readonly wires: readonly Wire[];
  readonly debugAddress: () => string;
  /** Resolves when so many instances are found. */
  readonly found: (count: number, ctx: Context) => Promise<void>;
  /** Calls sent to each instance so far, by address. */
  readonly callsByInstance: ReadonlyMap<string, number>;
}

export function makeGateway(flags: GatewayFlags, services: Services, logger: Logger): Gateway {
  const log = levels(logger);
  const limits = limitsOf(flags);
  const retry = {
    attempts: positive("retry-max", flags["retry-max"]),
    timeoutMs: positive("retry-timeout", flags["retry-timeout"]),
  };
  const debug = addressOf("debug-addr", flags["debug-addr"]);
  const wiresFor = wiresOf(flags);
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry });
  const callsByInstance = new Map<string, number>();
  const sent = metrics.counter("example_addsvc_gateway_calls", {
    help: "Calls sent to an instance.",
    labels: ["instance"],
  });

  const instancer = services.instancer();
  let known = 0;
  instancer.subscribe(({ instances }) => {
    known = instances?.length ?? known;
  });
  const probes = health({
    checks: {
      instances() {
        if (known === 0) throw new Error("no instance is known");
      },
    },
  });
  const add = balancedClient(Add, {
    instances: instancer,
    connect({ address }) {
      const calls = sent.with({ instance: address });
      const count = (): void => {
        calls.add();
        callsByInstance.set(address, (callsByInstance.get(address) ?? 0) + 1);
      };
      return connectHttp(Add, { url: `http://${address}`, finalizer: [count] });
    },
    balancer: roundRobin,
    retry,
    onError: (error) => log.warn("discovery", { error }),
  });
  const endpoints = addEndpoints(add, { logger, metrics, limits });
  const wires = wiresFor(endpoints);

  let debugging: Listening;
  return {
    callsByInstance,
    probes,
    wires,
    debugAddress: () => debugging.address,
    found(count, ctx) {
      const enough = new Promise<void>((resolve) => {
        instancer.subscribe(({ instances = [] }) => {
          if (instances.length >= count) resolve();
        });
      });
      return until(ctx, enough);
    },
    actors: [
      {
        name: "discovery",
        phase: "close",
        start() {},
        async stop() {
          await add[Symbol.asyncDispose]();
          await instancer.close();
          await services.close();
          await metrics.close();
        },
      },
      {
        name: "debug",
        phase: "close",
        async start() {
          debugging = await listen("debug-addr", debugHandler(probes, registry), debug.host, debug.port);
        },
        stop: () => drainHttp(debugging.server),
      },
      ...wires.map((wire) =>
        wireActor(wire, ({ name, address }) => log.info("listening", { transport: name, addr: address })),
      ),
    ],
  };
}
