import { credentials } from "@grpc/grpc-js";
import { background, type Context } from "@kit/endpoint";
import type { ClientOf } from "@kit/service";
import { amqpConnection, connectAmqp } from "@kit/transport-amqp";
import { connectGrpc } from "@kit/transport-grpc";
import { connectHttp } from "@kit/transport-http";
import { connectJsonrpc } from "@kit/transport-jsonrpc";
import { connectNats } from "@kit/transport-nats";
import { connectThrift } from "@kit/transport-thrift";
import { connect as connectToNats } from "@nats-io/transport-node";
import { Add } from "./contract.ts";
import { type Flag, readCommand } from "./flags.ts";
import { outOfBand } from "./in-band.ts";
import { GrpcAdd } from "./wires/grpc.ts";
import { ThriftAdd } from "./wires/thrift.ts";

/** Those of go-kit's addcli, and the addresses of two brokers. */
export const addcliFlags = {
  "http-addr": { value: "", help: "address of addsvc over HTTP" },
  "grpc-addr": { value: "", help: "over gRPC" },
  "jsonrpc-addr": { value: "", help: "over JSON-RPC" },
  "thrift-addr": { value: "", help: "over Thrift" },
  "nats-url": { value: "", help: "NATS that addsvc serves, too" },
  "amqp-url": { value: "", help: "RabbitMQ that addsvc serves, too" },
  "thrift-protocol": { value: "binary", help: "binary, compact or json" },
  "thrift-buffer": { value: "0", help: "understood, and of no effect: writes are gathered anyhow" },
  "thrift-framed": { value: false, help: "frame Thrift's messages" },
  method: { value: "sum", help: "sum or concat" },
  timeout: { value: "5000", help: "time for the call, in ms" },
} satisfies Record<string, Flag>;

type AddcliFlags = ReturnType<typeof readCommand<typeof addcliFlags>>["flags"];

/** One call, as a person on a command line makes it; prints and fails as go-kit's addcli does. */
export async function runAddcli(args: readonly string[]): Promise<number> {
  try {
    process.stdout.write(`${await callOnce(args)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    return 1;
  }
}

/** @returns what came of the call, as addcli prints it. */
export async function callOnce(args: readonly string[]): Promise<string> {
  const { flags, words } = readCommand(addcliFlags, args);
  const [a, b] = words;
  if (a === undefined || b === undefined || words.length > 2) throw new Error("usage: addcli [flags] <a> <b>");
  using ctx = background.withTimeout(Number(flags.timeout));
  const { client, close } = await connected(flags);
  try {
    if (flags.method === "sum") {
      const { v } = await client.sum({ a: whole(a), b: whole(b) }, ctx);
      return `${a} + ${b} = ${v}`;
    }
    if (flags.method === "concat") {
      const { v } = await client.concat({ a, b }, ctx);
      return `${JSON.stringify(a)} + ${JSON.stringify(b)} = ${JSON.stringify(v)}`;
    }
    throw new Error(`invalid method "${flags.method}"`);
  } finally {
    await client[Symbol.asyncDispose]();
    await close?.();
  }
}

interface Connected {
  readonly client: ClientOf<typeof Add>;
  /** Lets go of what the client stands on. */
  readonly close?: () => Promise<void>;
}

/** In the order in which go-kit's addcli looks at its flags. */
async function connected(flags: AddcliFlags): Promise<Connected> {
  const url = (address: string): string => (address.includes("://") ? address : `http://${local(address)}`);
  if (flags["http-addr"] !== "") return { client: connectHttp(Add, { url: url(flags["http-addr"]) }) };
  if (flags["grpc-addr"] !== "") return overGrpc(local(flags["grpc-addr"]));
  if (flags["jsonrpc-addr"] !== "") return { client: connectJsonrpc(Add, { url: url(flags["jsonrpc-addr"]) }) };
  if (flags["thrift-addr"] !== "") return overThrift(local(flags["thrift-addr"]), flags);
  if (flags["nats-url"] !== "") {
    const connection = await connectToNats({ servers: flags["nats-url"] });
    return { client: connectNats(Add, { connection }), close: () => connection.close() };
  }
  if (flags["amqp-url"] !== "") {
    const connection = amqpConnection({ url: flags["amqp-url"] });
    return { client: connectAmqp(Add, { connection }), close: () => connection.close() };
  }
  throw new Error("no remote address specified");
}

function overGrpc(address: string): Connected {
  const remote = connectGrpc(GrpcAdd, { address, credentials: credentials.createInsecure() });
  return {
    client: {
      async sum({ a, b }, ctx: Context) {
        const { v, err } = await remote.sum({ a: BigInt(a), b: BigInt(b) }, ctx);
        return { v: Number(outOfBand({ value: v, err })) };
      },
      async concat({ a, b }, ctx: Context) {
        const { v, err } = await remote.concat({ a, b }, ctx);
        return { v: outOfBand({ value: v, err }) };
      },
      [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose](),
    },
  };
}

function overThrift(address: string, flags: AddcliFlags): Connected {
  const remote = connectThrift(ThriftAdd, {
    address,
    protocol: flags["thrift-protocol"] as "binary",
    framing: flags["thrift-framed"] ? "framed" : "buffered",
  });
  return {
    client: {
      sum: async ({ a, b }, ctx: Context) => ({ v: outOfBand(inBandReply(await remote.Sum({ a, b }, ctx))) }),
      concat: async ({ a, b }, ctx: Context) => ({ v: outOfBand(inBandReply(await remote.Concat({ a, b }, ctx))) }),
      [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose](),
    },
  };
}

/** Thrift has no field that must be there. */
function inBandReply<Value>({ value, err }: { readonly value: Value; readonly err?: string | null }) {
  return { value, err: err ?? "" };
}

const local = (address: string): string => (address.startsWith(":") ? `127.0.0.1${address}` : address);

function whole(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`"${text}" is no whole number`);
  return Number(text);
}
