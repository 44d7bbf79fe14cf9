import { chain } from "@kit/endpoint";
import { type Actor, runGroup } from "@kit/lifecycle";
import { bind, levels, logged } from "@kit/log";
import type { Registrar } from "@kit/sd";
import { spanId, traced, traceId } from "@kit/tracing-otel";
import { addsvcBackend } from "./backends/addsvc.ts";
import { stringsvcBackend } from "./backends/stringsvc.ts";
import { type Address, addressOf, type Flag, readFlags, UsageError } from "./flags.ts";
import { levelFlag, logFlags, stderrLogger } from "./logging.ts";
import { openRegistry, registryFlags } from "./registry.ts";
import { openTracing } from "./tracing.ts";

/** A server, whatever it speaks. */
export interface Backend {
  /** @returns where it listens. */
  start(address: Address): Promise<string>;
  /** Takes nothing new, and lets calls in hand finish. */
  stop(): Promise<unknown>;
}

/** The services behind the gateway. */
export const backends = { addsvc: addsvcBackend, stringsvc: stringsvcBackend } as const;

export type BackendName = keyof typeof backends;

export const backendFlags = {
  listen: { value: ":0", help: "where to listen; port 0 takes a free one" },
  name: { value: "backend", help: "what the log calls this instance" },
  ...registryFlags,
  "otlp-url": { value: "", help: "collector of traces, such as http://127.0.0.1:4318/v1/traces" },
  ...logFlags,
} satisfies Record<string, Flag>;

/** Runs one instance of a little service until it is told to stop. */
export async function runBackend(service: BackendName, args: readonly string[]): Promise<number> {
  const flags = readFlags(backendFlags, args);
  const address = addressOf("listen", flags.listen);
  const logger = bind(stderrLogger(flags.name, levelFlag(flags)), { trace_id: traceId, span_id: spanId });
  const log = levels(logger);
  const registry = await openRegistry(flags, (error) => log.warn("discovery", { error }));
  const tracing = openTracing(service, flags["otlp-url"]);
  const backend = backends[service](chain(traced(tracing.tracer), logged(logger)));

  let listening: string;
  let registrar: Registrar;
  const server: Actor = {
    name: service,
    async start() {
      listening = await backend.start(address);
      log.info("listening", { service, addr: listening });
    },
    stop: () => backend.stop(),
  };
  const registration: Actor = {
    name: "registration",
    phase: "deregister",
    async start() {
      registrar = registry.registrar(service, { address: listening });
      await registrar.register().catch((error: Error) => {
        throw new UsageError(`cannot register with ${registry.place}: ${error.message}`);
      });
      process.send?.(listening);
    },
    async stop() {
      await registrar.close();
      await registry.close();
    },
  };
  const traces: Actor = { name: "tracing", phase: "close", stop: () => tracing.close() };
  const end = await runGroup([traces, server, registration, ...parentActor()]);
  log.info("exit", { reason: end.message });
  if (end.reason === "failed") throw end.error;
  return end.exitCode;
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
