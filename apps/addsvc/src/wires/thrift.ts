import type { EndpointsOf } from "@kit/service";
import type { Add } from "../contract.ts";
import { createServer } from "node:net";
import { drainThrift, serveThrift, thriftService } from "@kit/transport-thrift";
import AddService from "../../gen/thrift/AddService.js";
import type { Address } from "../flags.ts";
import { inBand } from "../in-band.ts";
import { listenOn } from "../listen.ts";
import type { Wire } from "../wires.ts";

export const ThriftAdd = thriftService("addsvc", AddService, {
  Sum: { args: ["a", "b"], idempotent: true },
  Concat: { args: ["a", "b"], idempotent: true },
});

/** The contract of `idl/addsvc.thrift`, which go-kit's addsvc has as well. */
export function serveOnThrift(endpoints: EndpointsOf<typeof Add>, { flag, host, port }: Address): Wire {
  const handler = serveThrift(ThriftAdd, { Sum: inBand(endpoints.sum, 0), Concat: inBand(endpoints.concat, "") });
  const server = createServer(handler);
  let address: string;
  return {
    name: "thrift",
    get address() {
      return address;
    },
    async start() {
      address = await listenOn(server, flag, host, port);
    },
    stop: () => drainThrift(server),
  };
}
