import type { EndpointsOf } from "@kit/service";
import type { Add } from "../contract.ts";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { drainGrpc, grpcService, serveGrpc, serveGrpcReflection } from "@kit/transport-grpc";
import { extractTrace } from "@kit/tracing-otel";
import { type Address, UsageError } from "../flags.ts";
import { Add as AddService } from "../gen/addsvc_pb.ts";
import { inBand } from "../in-band.ts";
import type { Wire } from "../wires.ts";

export const GrpcAdd = grpcService(AddService);

/** The contract of `idl/addsvc.proto`, which go-kit's addsvc has as well. */
export function serveOnGrpc(endpoints: EndpointsOf<typeof Add>, { flag, host, port }: Address): Wire {
  const server = new Server();
  const [sum, concat] = [inBand(endpoints.sum, 0), inBand(endpoints.concat, "")];
  serveGrpc(
    GrpcAdd,
    {
      async sum({ a, b }, ctx) {
        const { value, err } = await sum({ a: Number(a), b: Number(b) }, ctx);
        return { v: BigInt(value), err };
      },
      async concat({ a, b }, ctx) {
        const { value, err } = await concat({ a, b }, ctx);
        return { v: value, err };
      },
    },
    { server, before: [extractTrace()] },
  );
  serveGrpcReflection({ server, services: [AddService] });
  let bound = port;
  return {
    name: "grpc",
    get address() {
      return `${host}:${bound}`;
    },
    start: () =>
      new Promise((resolve, reject) => {
        server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, actual) => {
          if (error !== null) {
            reject(new UsageError(`port ${port} cannot be listened on: choose another with --${flag}`));
            return;
          }
          bound = actual;
          resolve();
        });
      }),
    stop: () => drainGrpc(server),
  };
}
