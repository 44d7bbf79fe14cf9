import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import type { ThriftHandler } from "@kit/transport-thrift";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";

/** What is served, and where. */
export interface Served extends AsyncDisposable {
  readonly address: string;
}

/** Serves HTTP on a free port of the loopback. */
export async function servingHttp(listener: RequestListener): Promise<Served> {
  const server = createServer(listener);
  return {
    address: `http://${await listening(server)}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** @param add - adds the service to a server. */
export async function servingGrpc(add: (server: GrpcServer) => unknown): Promise<Served> {
  const server = new GrpcServer();
  add(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

export async function servingThrift(handler: ThriftHandler): Promise<Served> {
  const server = createTcpServer(handler);
  return {
    address: await listening(server),
    async [Symbol.asyncDispose]() {
      server.close();
      await handler.close({ timeoutMs: 1 });
    },
  };
}

async function listening(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
