import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Asked } from "../child.ts";
import type { Elsewhere } from "../interleave.ts";
import { leaveOut } from "../left-out.ts";
import { lineProgram, type LineProgram } from "./line-program.ts";

/** What go-kit's program can do over and over, by its names in `go/loop.go`. */
export type GoLoop =
  | "chain-5"
  | "chain-10"
  | "chain-10-of-8"
  | "context-values"
  | "context-timeout"
  | "breaker-closed"
  | "breaker-open"
  | "gobreaker-closed"
  | "gobreaker-open"
  | "limiter-allow"
  | "limiter-endpoint"
  | "pick-3"
  | "pick-100"
  | "pick-10000"
  | "discovery-updates";

/** What it serves: `http/sum.ts` or `grpc/sum.proto`. */
export type GoServer = "http" | "grpc";

/** go-kit's contenders; disposed of, their processes end. */
interface GoPrograms extends AsyncDisposable {
  /** For `interleave`: each in a process of its own, by the name that the table has for it. */
  loops(loops: Readonly<Record<string, GoLoop>>): Record<string, Elsewhere>;
  /** Each asked as a child with `http/serve.ts` or `grpc/serve.ts` is: which port it listens on; how much CPU time it has used, in µs. */
  servers(servers: Readonly<Record<string, GoServer>>): Record<string, Asked<"port" | "cpu", number>>;
}

const file = fileURLToPath(new URL("../../.bin/gokit", import.meta.url));
const build = "bash packages/bench/bin/build.sh";

/**
 * Contenders in Go. Where they are not built there are none, and one line says so; then a claim on one must be left out as well.
 *
 * @example
 * await using go = goPrograms();
 * const costs = await interleave({ ...ours, ...go.loops({ "Go go-kit": "chain-5" }) }, plan);
 * // With `served` taking the server that `children.start` returns:
 * for (const [name, server] of Object.entries(go.servers({ "Go go-kit": "http" }))) contenders[name] = served(server);
 */
export function goPrograms(): GoPrograms {
  const built = existsSync(file);
  if (!built) leaveOut(`What is in Go is left out, for it is not built; build, with Go 1.26: ${build}`);
  const programs: LineProgram[] = [];

  function start(...args: readonly string[]): LineProgram {
    const program = lineProgram(file, args);
    programs.push(program);
    return program;
  }

  function each<Name, Made>(names: Readonly<Record<string, Name>>, make: (name: Name) => Made): Record<string, Made> {
    if (!built) return {};
    return Object.fromEntries(Object.entries(names).map(([shown, name]) => [shown, make(name)]));
  }

  return {
    loops: (loops) =>
      each(loops, (name) => {
        const program = start("loop", name);
        return {
          async run(count) {
            const [timeNs, cpuNs] = (await program.ask(String(count))).split(" ");
            return { timeMs: Number(timeNs) / 1e6, cpuMs: Number(cpuNs) / 1e6 };
          },
        };
      }),
    servers: (servers) =>
      each(servers, (name) => {
        const program = start(name);
        return { ask: async (question) => Number(await program.ask(question)) };
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all(programs.map((program) => program.end()));
    },
  };
}
