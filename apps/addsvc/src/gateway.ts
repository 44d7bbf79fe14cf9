import { guardClient, perInstance } from "@kit/circuitbreaker";
import { gobreaker } from "@kit/circuitbreaker-gobreaker";
import type { Context } from "@kit/endpoint";
import { balancedClient, roundRobin } from "@kit/lb";
import { type Actor, health } from "@kit/lifecycle";
import { levels, type Logger } from "@kit/log";
import { memoryMetrics, multiMetrics } from "@kit/metrics";
import { prometheusMetrics } from "@kit/metrics-prometheus";
import type { Instance } from "@kit/sd";
import { until } from "@kit/service";
import { injectTrace } from "@kit/tracing-otel";
import { connectHttp, drainHttp } from "@kit/transport-http";
import { Registry } from "prom-client";
import { Add } from "./contract.ts";
import { debugHandler } from "./debug.ts";
import { addEndpoints } from "./endpoints.ts";
import { addressOf, type Flag, positive } from "./flags.ts";
import { listen, type Listening } from "./listen.ts";
import { liveFeed } from "./live.ts";
import type { Registry as Services } from "./registry.ts";
import { commonFlags, limitsOf } from "./settings.ts";
import { type TraceStore, traceStore } from "./traces.ts";
import { startTracing, tracedClient, type Tracing } from "./tracing.ts";
import { type Wire, wireActor, wireFlags, wiresOf } from "./wires.ts";

export const gatewayFlags = {
  ...wireFlags,
  "debug-addr": { value: ":8080", help: "where the live page, /metrics, /healthz, /readyz, /traces and /history are" },
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
  /** The spans of this process. */
  readonly tracing: Tracing;
  /** The last traces of all processes, unless they go to a collector of somebody's. */
  readonly traces: TraceStore;
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
  const recent = memoryMetrics();
  const metrics = multiMetrics(prometheusMetrics({ registry }), recent);
  const traces = traceStore();
  let debugging: Listening;
  const tracing = startTracing("gateway", () => flags["otlp-url"] || `http://${debugging.address}/v1/traces`);
  const callsByInstance = new Map<string, number>();
  const sent = metrics.counter("example_addsvc_gateway_calls", {
    help: "Calls sent to an instance.",
    labels: ["instance"],
  });

  const instancer = services.instancer();
  let known: readonly Instance[] = [];
  instancer.subscribe(({ instances }) => {
    known = instances ?? known;
  });
  const breakers = perInstance(({ address }: Instance) =>
    gobreaker({
      name: address,
      timeoutMs: 5_000,
      onStateChange: ({ name, from, to }) => log.warn("breaker", { instance: name, from, to }),
    }),
  );
  const probes = health({
    checks: {
      instances() {
        if (known.length === 0) throw new Error("no instance is known");
      },
    },
  });
  const add = balancedClient(Add, {
    instances: instancer,
    connect(instance) {
      const { address } = instance;
      const calls = sent.with({ instance: address });
      const count = (): void => {
        calls.add();
        callsByInstance.set(address, (callsByInstance.get(address) ?? 0) + 1);
      };
      const client = connectHttp(Add, { url: `http://${address}`, before: [injectTrace()], finalizer: [count] });
      return tracedClient(tracing, Add, "http", guardClient(client, breakers(instance)));
    },
    balancer: roundRobin,
    retry,
    onError: (error) => log.warn("discovery", { error }),
  });
  const endpoints = addEndpoints(add, { logger, metrics, tracer: tracing.tracer, limits });
  const wires = wiresFor(endpoints);

  const live = liveFeed({
    recent,
    limits,
    traces,
    instances: () =>
      known.map((instance) => ({
        address: instance.address,
        calls: callsByInstance.get(instance.address) ?? 0,
        breaker: breakers(instance).state,
      })),
  });
  return {
    callsByInstance,
    tracing,
    traces,
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
          debugging = await listen(
            "debug-addr",
            debugHandler({ probes, registry, tracing, traces, live }),
            debug.host,
            debug.port,
          );
        },
        async stop() {
          live.close();
          await drainHttp(debugging.server);
        },
      },
      // Its spans go to the debug address.
      { name: "tracing", phase: "close", stop: () => tracing.close() },
      ...wires.map((wire) =>
        wireActor(wire, ({ name, address }) => log.info("listening", { transport: name, addr: address })),
      ),
    ],
  };
}
