import { type Actor, runGroup } from "@kit/lifecycle";
import { levels } from "@kit/log";
import { prometheusHandler, prometheusMetrics } from "@kit/metrics-prometheus";
import type { Registrar } from "@kit/sd";
import type { ClientOf } from "@kit/service";
import { extractTrace, injectTrace } from "@kit/tracing-otel";
import { connectHttp, drainHttp, serveHttp } from "@kit/transport-http";
import { Registry } from "prom-client";
import { Add } from "./contract.ts";
import { addEndpoints } from "./endpoints.ts";
import { encodeAddError } from "./errors.ts";
import { History, withHistory } from "./history.ts";
import { addressOf, type Flag, readFlags, UsageError } from "./flags.ts";
import { listen, type Listening } from "./listen.ts";
import { stderrLogger } from "./logging.ts";
import { openRegistry } from "./registry.ts";
import { startTracing, tracedClient, type Tracing } from "./tracing.ts";
import { addService, withBusinessMetrics, withLogging } from "./service.ts";
import { commonFlags, levelFlag, limitsOf, ttlMs } from "./settings.ts";

export const instanceFlags = {
  "http-addr": { value: ":0", help: "where to listen; port 0 takes a free one" },
  name: { value: "addsvc", help: "what logs and traces call this instance" },
  "history-url": { value: "", help: "where results are recorded, such as http://127.0.0.1:8080" },
  ...commonFlags,
} satisfies Record<string, Flag>;

/** Runs one instance of the service until it is told to stop. */
export async function runInstance(args: readonly string[]): Promise<number> {
  const flags = readFlags(instanceFlags, args);
  const { host, port } = addressOf("http-addr", flags["http-addr"]);
  const logger = stderrLogger(flags.name, levelFlag(flags));
  const log = levels(logger);
  const onError = (error: Error): void => log.warn("discovery", { error });
  const services = await openRegistry(flags, { service: Add.name, ttlMs, onError });
  const registry = new Registry();
  const metrics = prometheusMetrics({ registry });
  const tracing = startTracing(flags.name, flags["otlp-url"] === "" ? undefined : () => flags["otlp-url"]);
  const past = flags["history-url"] === "" ? undefined : overHttp(flags["history-url"], tracing);
  const recorded = past === undefined ? addService : withHistory(addService, past);
  const service = withBusinessMetrics(withLogging(recorded, logger), metrics);
  const endpoints = addEndpoints(service, { logger, metrics, tracer: tracing.tracer, limits: limitsOf(flags) });
  const handler = serveHttp(Add, endpoints, {
    before: [extractTrace()],
    caseInsensitiveKeys: ["a", "b"],
    errorEncoder: encodeAddError,
    otherwise: prometheusHandler(registry),
  });

  let listening: Listening;
  let registrar: Registrar;
  const http: Actor = {
    name: "http",
    async start() {
      listening = await listen("http-addr", handler, host, port);
      log.info("listening", { transport: "http", addr: listening.address });
    },
    stop: () => drainHttp(listening.server),
  };
  const registration: Actor = {
    name: "registration",
    phase: "deregister",
    async start() {
      const instance = { address: listening.address };
      registrar = services.registrar(instance);
      await registrar.register().catch((error: Error) => {
        throw new UsageError(`cannot register with ${services.place}: ${error.message}`);
      });
      process.send?.(listening.address);
    },
    async stop() {
      await registrar.close();
      await services.close();
    },
  };
  const clients: Actor = {
    name: "clients",
    phase: "close",
    async stop() {
      await past?.[Symbol.asyncDispose]();
      await tracing.close();
    },
  };
  const end = await runGroup([clients, http, registration, ...parentActor()]);
  log.info("exit", { reason: end.message });
  if (end.reason === "failed") throw end.error;
  return end.exitCode;
}

function overHttp(url: string, tracing: Tracing): ClientOf<typeof History> {
  return tracedClient(tracing, History, "http", connectHttp(History, { url, before: [injectTrace()] }));
}

/** Ends with the process that forked this one, so that a demo that was killed leaves nothing behind. */
function parentActor(): Actor[] {
  if (process.send === undefined) return [];
  return [
    {
      name: "parent",
      run: (ctx) =>
        new Promise<void>((resolve) => {
          process.once("disconnect", resolve);
          ctx.onCancel(() => resolve());
        }),
      stop: () => process.disconnect?.(),
    },
  ];
}
