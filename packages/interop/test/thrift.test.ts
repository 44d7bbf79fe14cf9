import { whenInstalled } from "@kit/servers";
import { connectThrift, serveThrift, type ThriftFraming, type ThriftProtocol } from "@kit/transport-thrift";
import { describe } from "vitest";
import { gokit } from "./gokit.ts";
import { readIdentity, writeIdentity } from "./identity.ts";
import { interoperates } from "./interoperates.ts";
import { servingThrift } from "./serving.ts";
import { Coded, Interop } from "./thrift-contract.ts";

const protocols: readonly ThriftProtocol[] = ["binary", "compact", "json"];
const framings: readonly ThriftFraming[] = ["buffered", "framed"];

whenInstalled(gokit(), () => {
  describe.each(protocols.flatMap((protocol) => framings.map((framing) => ({ protocol, framing }))))(
    "in $protocol, $framing",
    ({ protocol, framing }) => {
      const flags = ["-thrift-protocol", protocol, ...(framing === "framed" ? ["-thrift-framed"] : [])];
      interoperates({
        transport: "thrift",
        serverFlags: () => flags,
        clientFlags: flags,
        connect: ({ place }) =>
          connectThrift(Interop, {
            address: `127.0.0.1:${place.ports[3]}`,
            protocol,
            framing,
            before: [writeIdentity],
          }),
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
    },
  );
});
