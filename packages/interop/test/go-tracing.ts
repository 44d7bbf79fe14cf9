import type { ServerKind } from "@kit/servers";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { vi } from "vitest";
import { build, program } from "./gokit.ts";

/** What go-kit traces with. */
export type Library = "opencensus" | "opentracing";

/** A span as Go's program tells it. */
export interface GoSpan {
  readonly name: string;
  readonly trace: string;
  readonly id: string;
  readonly parent: string;
  /** OpenCensus's: 1 is a server, 2 a client. */
  readonly kind: number;
  readonly remoteParent: boolean;
  readonly attributes: Readonly<Record<string, unknown>> | null;
}

const file = program("tracing");

/** A server on go-kit with its tracing: HTTP on the first port, gRPC on the second. It samples what its caller does. */
export function tracingServer(library: Library, ...flags: readonly string[]): ServerKind {
  return {
    name: `tracing with ${library}`,
    install: build,
    needs: [file],
    ports: 2,
    command({ ports }) {
      const at = ["-http", `127.0.0.1:${ports[0]}`, "-grpc", `127.0.0.1:${ports[1]}`];
      return { file, args: ["serve", "-library", library, ...at, ...flags] };
    },
    probe: async (url) => (await fetch(`${url}/spans`)).ok,
  };
}

/** So many spans, once that server has ended them: some of them only when the reply is out. */
export function spansOf(url: string, count: number): Promise<GoSpan[]> {
  const look = async (): Promise<GoSpan[]> => {
    const spans = (await (await fetch(`${url}/spans`)).json()) as GoSpan[];
    if (spans.length !== count) throw new Error(`there are ${spans.length} spans, not ${count}`);
    return spans;
  };
  return vi.waitFor(look, { interval: 20, timeout: 30_000 });
}

/** Has a go-kit client call, its trace sampled unless a flag says otherwise. @throws when it prints no report, with what it said. */
export async function echoedByGo(
  library: Library,
  address: string,
  said: string,
  ...flags: readonly string[]
): Promise<{ readonly text: string; readonly error: string; readonly spans: readonly GoSpan[] }> {
  const child = spawn(file, ["call", "-library", library, "-address", address, ...flags]);
  const exit = once(child, "exit");
  child.stdin.end(said);
  const [printed, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = await exit;
  if (status !== 0) throw new Error(`tracing call: ${complaint}`);
  return JSON.parse(printed);
}
