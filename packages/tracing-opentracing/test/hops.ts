import { credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import type { Endpoint } from "@kit/endpoint";
import { nats, startServer } from "@kit/servers";
import { defineService, implement } from "@kit/service";
import { grpcClient, grpcHandler } from "@kit/transport-grpc";
import { connectHttp, serveHttp } from "@kit/transport-http";
import { connectNats, serveNats } from "@kit/transport-nats";
import { connect } from "@nats-io/transport-node";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Tracer } from "opentracing";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { extractTrace, injectTrace, traced } from "../src/index.ts";

const text = z.object({ text: z.string() });
const Front = defineService("front", { say: { request: text, response: text } });
const Middle = defineService("middle", { say: { request: text, response: text } });
const path = "/back.Back/Say";

/** What every server and every client is given, whatever its transport. */
const server = (tracer: Tracer) => ({ before: [extractTrace(tracer)] });
const client = (tracer: Tracer) => ({ before: [injectTrace(tracer)] });

const toBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const fromBytes = (bytes: Uint8Array): any => JSON.parse(Buffer.from(bytes).toString());

/** gRPC, over a codec of JSON. */
async function back(tracer: Tracer, say: Endpoint): Promise<Endpoint> {
  const listening = new Server();
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: fromBytes,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes,
  };
  listening.addService({ say: method }, { say: grpcHandler(traced(tracer)(say), server(tracer)) });
  const port = await new Promise<number>((resolve, reject) => {
    listening.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, at) =>
      error === null ? resolve(at) : reject(error),
    );
  });
  onTestFinished(() => listening.forceShutdown());
  const made = grpcClient({
    address: `127.0.0.1:${port}`,
    credentials: credentials.createInsecure(),
    path,
    serialize: toBytes,
    deserialize: fromBytes,
    ...client(tracer),
  });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return traced(tracer, { service: "back.Back", name: "Say", transport: "grpc", kind: "client" })(made);
}

/** NATS, whose handler calls on. */
async function middle(tracer: Tracer, next: Endpoint): Promise<Endpoint> {
  const broker = await startServer(nats);
  onTestFinished(() => broker[Symbol.asyncDispose]());
  const connection = await connect({ servers: broker.url });
  onTestFinished(() => connection.close());
  const endpoints = implement(Middle, { say: next }, (method) => traced(tracer, method));
  const served = serveNats(Middle, endpoints, { connection, ...server(tracer) });
  onTestFinished(async () => void (await served.close()));
  const made = connectNats(Middle, { connection, ...client(tracer) });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return traced(tracer, { ...Middle.methods.say, transport: "nats", kind: "client" })(made.say);
}

/** HTTP, whose handler calls on. */
async function front(tracer: Tracer, next: Endpoint): Promise<Endpoint> {
  const endpoints = implement(Front, { say: next }, (method) => traced(tracer, method));
  const listening = createServer(serveHttp(Front, endpoints, server(tracer)));
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    listening.closeAllConnections();
    listening.close();
  });
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const made = connectHttp(Front, { url, ...client(tracer) });
  onTestFinished(() => made[Symbol.asyncDispose]());
  return traced(tracer, { ...Front.methods.say, transport: "http", kind: "client" })(made.say);
}

/** A client of HTTP, whose server calls on over NATS, and that one over gRPC; each with a tracer of its own. */
export async function threeHops(tracers: readonly [Tracer, Tracer, Tracer], say: Endpoint): Promise<Endpoint> {
  const [first, second, third] = tracers;
  return front(first, await middle(second, await back(third, say)));
}
