import { createServer, type Server } from "node:http";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Add } from "../../grpc/generated/sum_pb.ts";

/** Connect's own protocol, in JSON. */
export function makeServer(): Server {
  return createServer(
    connectNodeAdapter({ routes: ({ service }) => void service(Add, { sum: ({ a, b }) => ({ v: a + b }) }) }),
  );
}
