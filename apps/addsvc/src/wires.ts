import type { Actor } from "@kit/lifecycle";
import type { EndpointsOf } from "@kit/service";
import type { Add } from "./contract.ts";
import { type Address, addressOf, type Flag } from "./flags.ts";
import { serveOnAmqp } from "./wires/amqp.ts";
import { serveOnGrpc } from "./wires/grpc.ts";
import { serveOnHttp } from "./wires/http.ts";
import { serveOnJsonrpc } from "./wires/jsonrpc.ts";
import { serveOnNats } from "./wires/nats.ts";
import { serveOnThrift } from "./wires/thrift.ts";

/** go-kit's addsvc has these names and ports, too. */
export const wireFlags = {
  "http-addr": { value: ":8081", help: "where the service is called over HTTP" },
  "grpc-addr": { value: ":8082", help: "over gRPC" },
  "thrift-addr": { value: ":8083", help: "over Thrift, in any of its protocols" },
  "jsonrpc-addr": { value: ":8084", help: "over JSON-RPC" },
  "nats-url": { value: "", help: "NATS over which it is called as well, such as nats://127.0.0.1:4222" },
  "amqp-url": { value: "", help: "RabbitMQ over which it is called as well, such as amqp://127.0.0.1:5672" },
} satisfies Record<string, Flag>;

/** The service on one wire. */
export interface Wire {
  readonly name: string;
  /** Where it is called, for people and programs; known once it has started. */
  readonly address: string;
  start(): Promise<void>;
  /** Takes nothing new, and lets calls in hand finish. */
  stop(): Promise<unknown>;
}

/**
 * The service on every wire that the flags ask for.
 *
 * @throws {UsageError} at once for an address that is none, before there is anything to serve.
 */
export function wiresOf(
  flags: Readonly<Record<keyof typeof wireFlags, string>>,
): (endpoints: EndpointsOf<typeof Add>) => readonly Wire[] {
  const at = (name: keyof typeof wireFlags): Address => addressOf(name, flags[name]);
  const [http, grpc, thrift, jsonrpc] = [at("http-addr"), at("grpc-addr"), at("thrift-addr"), at("jsonrpc-addr")];
  return (endpoints) => {
    const wires = [
      serveOnHttp(endpoints, http),
      serveOnGrpc(endpoints, grpc),
      serveOnThrift(endpoints, thrift),
      serveOnJsonrpc(endpoints, jsonrpc),
    ];
    if (flags["nats-url"] !== "") wires.push(serveOnNats(endpoints, flags["nats-url"]));
    if (flags["amqp-url"] !== "") wires.push(serveOnAmqp(endpoints, flags["amqp-url"]));
    return wires;
  };
}

/** Starts a wire with everything else, and stops taking calls before anything else stops. */
export function wireActor(wire: Wire, started: (wire: Wire) => void): Actor {
  return {
    name: wire.name,
    async start() {
      await wire.start();
      started(wire);
    },
    stop: () => wire.stop(),
  };
}
