import { whenInstalled } from "@kit/servers";
import {
  connectThrift,
  serveThrift,
  thriftClient,
  type ThriftFraming,
  thriftHandler,
  type ThriftProtocol,
} from "@kit/transport-thrift";
import { describe } from "vitest";
import { interoperatesByEndpoint } from "./by-endpoint.ts";
import { gokit } from "./gokit.ts";
import { readIdentity, writeIdentity } from "./identity.ts";
import { interoperates } from "./interoperates.ts";
import { servingThrift } from "./serving.ts";
import { Coded, Interop } from "./thrift-contract.ts";

/** How Go's programs are told of a protocol and a framing. */
function flagsOf(protocol: ThriftProtocol, framing: ThriftFraming): readonly string[] {
  return ["-thrift-protocol", protocol, ...(framing === "framed" ? ["-thrift-framed"] : [])];
}

whenInstalled(gokit(), () => {
  describe.each([
    ["binary", "buffered"],
    ["compact", "framed"],
    ["json", "buffered"],
  ] as const)("in %s, %s", (protocol, framing) => {
    interoperates({
      transport: "thrift",
      serverFlags: () => flagsOf(protocol, framing),
      clientFlags: flagsOf(protocol, framing),
      connect: ({ place }) =>
        connectThrift(Interop, { address: `127.0.0.1:${place.ports[3]}`, protocol, framing, before: [writeIdentity] }),
      serve: (endpoints) => servingThrift(serveThrift(Interop, endpoints, { before: [readIdentity] })),
      coded: () => new Coded({ message: "no such thing" }),
      ourErrors: {
        plain: { code: "internal", message: "Internal error processing fail: out of order" },
        coded: { message: "no such thing" },
      },
      goErrors: { plain: [0, "unknown: internal error"], coded: [0, "Coded({Message:no such thing})"] },
      goEnds: "Thrift has no word for it, and the connection stays for other calls",
      // With its process Go's client closes the connection.
      oursEnds: ["canceled"],
      identity: "without THeader, which go-kit's users have to ask for, Thrift has no headers",
    });
  });

  describe.each([
    ["binary", "framed"],
    ["compact", "buffered"],
    ["json", "framed"],
  ] as const)("in %s, %s", (protocol, framing) => {
    interoperatesByEndpoint({
      transport: "thrift",
      serverFlags: () => flagsOf(protocol, framing),
      clientFlags: flagsOf(protocol, framing),
      client: (operation, { place }) =>
        thriftClient({ address: `127.0.0.1:${place.ports[3]}`, protocol, framing, method: Interop.methods[operation] }),
      handle: (operation, endpoint, before) =>
        servingThrift(thriftHandler(endpoint, { method: Interop.methods[operation], before: [before] })),
    });
  });
});
