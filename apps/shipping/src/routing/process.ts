import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type Actor, runGroup } from "@kit/lifecycle";
import { levels, logged } from "@kit/log";
import { implement } from "@kit/service";
import { drainHttp, serveHttp } from "@kit/transport-http";
import { addressOf, type Flag, readFlags, UsageError } from "../flags.ts";
import { listen, type Listening } from "../listen.ts";
import { levelFlag, logFlags, stderrLogger } from "../logging.ts";
import { Routing } from "./contract.ts";
import { findPaths } from "./pathfinder.ts";

export const routingFlags = {
  "routing-addr": { value: ":7878", help: "where to listen; port 0 takes a free one" },
  ...logFlags,
} satisfies Record<string, Flag>;

/** A stand-in for the routing service, which is somebody else's: a process of its own, until it is told to stop. */
export async function runRouting(args: readonly string[]): Promise<number> {
  const flags = readFlags(routingFlags, args);
  const address = addressOf("routing-addr", flags["routing-addr"]);
  const logger = stderrLogger("routing", levelFlag(flags));
  const log = levels(logger);
  const routing = implement(
    Routing,
    {
      paths: async ({ from, to }) => ({
        paths: findPaths(from, to, Date.now()).map((edges) => ({ edges: [...edges] })),
      }),
    },
    () => logged(logger),
  );
  let listening: Listening;
  const http: Actor = {
    name: "http",
    async start() {
      listening = await listen(address, serveHttp(Routing, routing));
      log.info("listening", { transport: "http", addr: listening.address });
      process.send?.(listening.address);
    },
    stop: () => drainHttp(listening.server),
  };
  const end = await runGroup([http, ...parentActor()]);
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

/** The stand-in, seen from who started it. */
export interface RoutingProcess {
  readonly address: string;
  readonly pid: number;
  /** As when the machine loses power: nothing is said, nothing is finished. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<void>;
}

/** @param args - its flags. @returns when it listens. */
export async function startRouting(entry: string, args: readonly string[]): Promise<RoutingProcess> {
  const child = fork(entry, ["routing", ...args], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // A terminal's Ctrl-C goes to the whole group; this one is told by `stop`, once.
    detached: true,
  });
  const failed = once(child, "exit").then(([code]) => {
    throw new UsageError(`the routing service ended with ${code} before it was ready`);
  });
  const [address] = (await Promise.race([once(child, "message"), failed])) as [string];
  failed.catch(() => {});
  return { address, pid: child.pid!, kill: () => signalled(child, "SIGKILL"), stop: () => signalled(child, "SIGTERM") };
}

async function signalled(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, "exit");
  // False for one that has ended already, whose exit will not come again.
  if (child.kill(signal)) await exit;
}
