import type { ServerKind } from "@kit/servers";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { build, program } from "./gokit.ts";

/** A span as a Go program tells it. */
export interface GoSpan {
  readonly name: string;
  readonly trace: string;
  readonly id: string;
  readonly parent: string;
  /** 1 is a server, 2 a client. */
  readonly kind: number;
  readonly code: number;
  readonly message: string;
  readonly remoteParent: boolean;
  readonly attributes: Readonly<Record<string, unknown>> | null;
}

const file = program("opencensus");

/** A server on go-kit with its OpenCensus tracing: `/echo` with B3, `/w3c/echo` with W3C's headers, gRPC on the second port; it samples what its caller does. */
export const opencensusServer: ServerKind = {
  name: "opencensus",
  install: build,
  needs: [file],
  ports: 2,
  command: ({ ports }) => ({
    file,
    args: ["serve", "-http", `127.0.0.1:${ports[0]}`, "-grpc", `127.0.0.1:${ports[1]}`],
  }),
  probe: async (url) => (await fetch(`${url}/spans`)).ok,
};

/** Has a go-kit client call, its trace sampled unless a flag says otherwise. @throws when it prints no report, with what it said. */
export async function echoedByGo(
  address: string,
  said: string,
  ...flags: readonly string[]
): Promise<{ readonly text: string; readonly error: string; readonly spans: readonly GoSpan[] }> {
  const child = spawn(file, ["call", "-address", address, ...flags]);
  const exit = once(child, "exit");
  child.stdin.end(said);
  const [printed, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = await exit;
  if (status !== 0) throw new Error(`opencensus call: ${complaint}`);
  return JSON.parse(printed);
}
