import type { ServerKind } from "@kit/servers";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** What `bin/build.sh` builds, by its name. */
export const program = (name: string): string => fileURLToPath(new URL(`../.bin/${name}`, import.meta.url));

/** How a program of Go's is built. */
export const build = "bash packages/interop/bin/build.sh";

/**
 * A server on go-kit of the operations in `contract.ts`, on HTTP, JSON-RPC, gRPC and Thrift, in the order of its ports; on a broker where a flag names one.
 *
 * @param flags - asked for when it starts: a broker has its address only then.
 */
export function gokit(flags: () => readonly string[] = () => []): ServerKind {
  const file = program("gokit");
  return {
    name: "gokit",
    install: build,
    needs: [file],
    ports: 4,
    command({ ports }) {
      const at = ["-http", "-jsonrpc", "-grpc", "-thrift"].flatMap((flag, n) => [flag, `127.0.0.1:${ports[n]}`]);
      return { file, args: ["serve", ...at, ...flags()] };
    },
    probe: async (url) => (await fetch(`${url}/ready`)).ok,
  };
}

/** One call by a go-kit client. */
export interface GoCall {
  readonly transport: string;
  readonly address: string;
  readonly operation: string;
  readonly request: object;
  /** For `context.WithTimeout`, in ms. @default 60_000 */
  readonly timeoutMs?: number;
  /** Whose token goes along. @default none */
  readonly user?: string;
  /** Flags of one transport. @default none */
  readonly flags?: readonly string[];
}

/** What came of it: a response or an error, and the span that the client was in. */
export interface GoReport {
  readonly response?: any;
  readonly error?: {
    readonly text: string;
    /** The wire's own number: an HTTP status, the number of JSON-RPC, gRPC's code or Thrift's type. 0 where there is none. */
    readonly code: number;
    /** Whether it is Go's `context.DeadlineExceeded`. */
    readonly deadline: boolean;
  };
  readonly trace: string;
  readonly span: string;
}

/** Has a go-kit client call. @throws when it prints no report, with what it said. */
export async function callByGo(call: GoCall): Promise<GoReport> {
  const { transport, address, operation, request, timeoutMs = 60_000, user = "", flags = [] } = call;
  const args = ["-transport", transport, "-address", address, "-operation", operation, "-timeout", `${timeoutMs}ms`];
  const child = spawn(program("gokit"), ["call", ...args, "-user", user, ...flags]);
  const exit = once(child, "exit");
  child.stdin.end(JSON.stringify(request));
  const [printed, said] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = await exit;
  if (status !== 0) throw new Error(`gokit call: ${said}`);
  return JSON.parse(printed);
}
