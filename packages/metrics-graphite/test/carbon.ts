import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Server } from "@kit/servers";
import { vi } from "vitest";

/** A time, in seconds since the epoch, and what stands there. */
export type Point = readonly [number, number];

/** Asks carbon and whisper through their own libraries; one question a line, one answer a line. */
const program = `
import glob, json, os, pickle, socket, struct, sys, whisper

def cached(port, path):
  question = pickle.dumps({"type": "cache-query", "metric": path}, 2)
  with socket.create_connection(("127.0.0.1", port)) as connection:
    connection.sendall(struct.pack("!L", len(question)) + question)
    answers = connection.makefile("rb")
    (length,) = struct.unpack("!L", answers.read(4))
    return sorted(pickle.loads(answers.read(length))["datapoints"])

def stored(folder, path):
  file = os.path.join(folder, "storage", "whisper", *path.split(".")) + ".wsp"
  if not os.path.exists(file): return []
  (start, end, step), values = whisper.fetch(file, 0)
  return [(start + i * step, value) for i, value in enumerate(values) if value is not None]

def tags(path):
  os.environ.setdefault("GRAPHITE_ROOT", "/tmp")
  from carbon.util import TaggedSeries
  return TaggedSeries.parse(path).tags

for line in sys.stdin:
  name, *rest = json.loads(line)
  print(json.dumps({"cached": cached, "stored": stored, "tags": tags}[name](*rest)), flush=True)
`;

/** What carbon has. */
export interface CarbonReader extends AsyncDisposable {
  /** All points of a series that are in carbon's cache, oldest first. */
  cached(server: Server, path: string): Promise<readonly Point[]>;
  /** Likewise, in its file. */
  stored(server: Server, path: string): Promise<readonly Point[]>;
  /** How carbon takes a path with tags apart. */
  tags(path: string): Promise<Readonly<Record<string, string>>>;
}

export function carbonReader(): CarbonReader {
  const python = spawn("/usr/bin/python3", ["-c", program], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface(python.stdout);
  let before: Promise<unknown> = Promise.resolve();
  const ask = <T>(...question: readonly unknown[]): Promise<T> => {
    const answer = before.then(async () => {
      const line = once(answers, "line");
      python.stdin.write(`${JSON.stringify(question)}\n`);
      return JSON.parse((await line)[0]) as T;
    });
    before = answer.catch(() => {});
    return answer;
  };
  return {
    cached: ({ place }, path) => ask("cached", place.ports[1], path),
    stored: ({ place }, path) => ask("stored", place.directory, path),
    tags: (path) => ask("tags", path),
    async [Symbol.asyncDispose]() {
      const exit = once(python, "exit");
      python.stdin.end();
      await exit;
    },
  };
}

/** Asks until there is something that will do, for carbon takes lines when it gets to them. */
export async function pointsWith(
  ask: () => Promise<readonly Point[]>,
  isThere: (points: readonly Point[]) => boolean = (points) => points.length > 0,
): Promise<readonly Point[]> {
  return vi.waitUntil(
    async () => {
      const points = await ask();
      return isThere(points) && points;
    },
    { timeout: 30_000, interval: 20 },
  );
}

export const sumOf = (points: readonly Point[]): number => points.reduce((sum, [, value]) => sum + value, 0);
