import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Add } from "../generated/sum_pb.ts";

export async function listen(): Promise<number> {
  const adapter = connectNodeAdapter({
    routes: (router) => router.service(Add, { sum: ({ a, b }) => ({ v: a + b }) }),
  });
  const server = createServer(adapter).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
