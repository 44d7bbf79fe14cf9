import { type Server, ServerCredentials } from "@grpc/grpc-js";

/** Has a server of grpc-js's listen on a free port of the loopback. */
export function bind(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}
