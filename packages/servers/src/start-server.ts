import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePorts } from "./free-ports.ts";
import { foundProgram } from "./installed.ts";
import { pauseProcess } from "./pause-process.ts";
import type { Place, ServerKind } from "./server-kind.ts";

/** A running server. */
export interface Server extends AsyncDisposable {
  /** Where its clients go, such as `http://127.0.0.1:12345`. */
  readonly url: string;
  readonly port: number;
  /** Its folder and all its ports. */
  readonly place: Place;
  /** The last of what it has printed. */
  readonly output: string;
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends it with SIGTERM; resolves when it is gone. */
  stop(): Promise<void>;
  /** Kills it if it runs and starts it again on the same ports; resolves when it serves. */
  restart(options?: { /** Without its data. @default false */ readonly wipe?: boolean }): Promise<void>;
  /** SIGSTOP: connections stay open, nobody answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

/** How much of a server's output is kept for the message of a failed start. */
const maxOutput = 16_384;

/**
 * Starts a server of its own on free loopback ports, with its data in a temporary folder, and resolves when it serves. Where `KIT_<NAME>_URL` is set
 * nothing is started; the server there cannot be hurt, and its data stay: see {@link whenStartable}.
 *
 * @throws when it does not serve within `startMs`, with what it has printed.
 */
export async function startServer(kind: ServerKind): Promise<Server> {
  const given = givenUrl(kind);
  return given === undefined ? startOwn(kind) : runningElsewhere(kind, given);
}

export const urlVariable = (kind: ServerKind): string => `KIT_${kind.name.toUpperCase()}_URL`;

export const givenUrl = (kind: ServerKind): string | undefined => process.env[urlVariable(kind)];

async function startOwn(kind: ServerKind): Promise<Server> {
  const { name, scheme = "http://", startMs = 60_000 } = kind;
  const ports = await freePorts(kind.ports ?? 1);
  const place: Place = { directory: await mkdtemp(join(tmpdir(), `kit-${name}-`)), ports, port: ports[0]! };
  const url = `${scheme}127.0.0.1:${place.port}`;
  let child: ChildProcess | undefined;
  let gone: Promise<unknown> = Promise.resolve();
  let output = "";

  async function start(): Promise<void> {
    await kind.prepare?.(place);
    const { file, args, env } = kind.command(place);
    const started = spawn(...dyingWithUs(file, args), {
      cwd: place.directory,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-maxOutput)));
    }
    gone = once(started, "exit");
    await once(started, "spawn");
    const until = performance.now() + startMs;
    // Who answers may be another process that has the port; only while the child lives is it the child.
    while (!((await kind.probe(url, place).catch(() => false)) && isAlive(started))) {
      if (!isAlive(started)) throw new Error(`${name} ended at once\n${output}`);
      if (performance.now() > until) throw new Error(`${name} does not serve after ${startMs} ms\n${output}`);
      await delay(20);
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined) return;
    child.kill("SIGCONT");
    child.kill(signal);
    await gone;
    child = undefined;
  }

  async function dispose(): Promise<void> {
    await end("SIGKILL");
    await rm(place.directory, { recursive: true, force: true });
  }

  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    url,
    port: place.port,
    place,
    get output() {
      return output;
    },
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    async restart({ wipe = false } = {}) {
      await end("SIGKILL");
      if (wipe) {
        await rm(place.directory, { recursive: true, force: true });
        await mkdir(place.directory);
      }
      await start();
    },
    pause() {
      if (child?.pid !== undefined) pauseProcess(child.pid);
    },
    resume: () => void child?.kill("SIGCONT"),
    [Symbol.asyncDispose]: dispose,
  };
}

const isAlive = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

/** Where util-linux is at hand, the server dies with this process, however that ends; or it would hold its port for ever. */
function dyingWithUs(name: string, args: readonly string[]): [string, string[]] {
  const file = foundProgram(name) ?? name;
  return foundProgram("setpriv") ? ["setpriv", ["--pdeathsig", "KILL", file, ...args]] : [file, [...args]];
}

function runningElsewhere(kind: ServerKind, url: string): Server {
  const port = Number(new URL(url.includes("://") ? url : `tcp://${url}`).port);
  const refuse = (): never => {
    throw new Error(`the server of ${urlVariable(kind)} is not ours to hurt; use whenStartable`);
  };
  return {
    url,
    port,
    place: { directory: "", ports: [port], port },
    output: "",
    kill: refuse,
    stop: refuse,
    restart: refuse,
    pause: refuse,
    resume: refuse,
    [Symbol.asyncDispose]: async () => {},
  };
}
