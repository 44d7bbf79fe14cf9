import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { AnyMiddleware } from "@kit/endpoint";
import { extractTrace } from "@kit/tracing-otel";
import { drainGrpc, serveGrpc } from "@kit/transport-grpc";
import type { Backend } from "../backend.ts";
import { GrpcAdd } from "../contracts.ts";

const largest = 2n ** 31n - 1n;
const smallest = -(2n ** 31n);
const longest = 10;

/** A little addsvc over gRPC. What its rules refuse stands in the reply, as in go-kit's. */
export function addsvcBackend(wrap: AnyMiddleware): Backend {
  const server = new Server();
  serveGrpc(
    GrpcAdd,
    {
      sum: wrap(async ({ a, b }) => {
        if (a === 0n && b === 0n) return { v: 0n, err: "can't sum two zeroes" };
        const v = a + b;
        return v > largest || v < smallest ? { v: 0n, err: "integer overflow" } : { v, err: "" };
      }),
      concat: wrap(async ({ a, b }) => {
        const v = a + b;
        return Buffer.byteLength(v) > longest ? { v: "", err: "result exceeds maximum size" } : { v, err: "" };
      }),
    },
    { server, before: [extractTrace()] },
  );
  return {
    start: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
          if (error === null) resolve(`${host}:${bound}`);
          else reject(error);
        });
      }),
    stop: () => drainGrpc(server),
  };
}
