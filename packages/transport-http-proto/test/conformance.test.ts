import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { testTransport, type TransportSubject } from "@kit/conformance/transport";
import { protobufService } from "@kit/protobuf";
import { connectHttpProto, serveHttpProto } from "../src/index.ts";
import { struct } from "./messages.ts";

const method = (name: string) => ({ path: `/kit.Suite/${name}`, requestCodec: struct, responseCodec: struct });
const Suite = protobufService({
  name: "kit.Suite",
  methods: {
    echo: method("Echo"),
    add: method("Add"),
    fail: method("Fail"),
    unknownError: method("UnknownError"),
    slow: method("Slow"),
    carried: method("Carried"),
    callInfo: method("CallInfo"),
  },
});

const subject: TransportSubject = {
  async serve(methods) {
    const handler = serveHttpProto(Suite, methods, { prefix: "/api", maxBytes: 2_000_000 });
    const server = createServer(handler).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
    const close = async (): Promise<void> => {
      server.close();
      server.closeAllConnections();
    };
    return { client: connectHttpProto(Suite, { url }), close };
  },
};

testTransport({
  setup: async () => ({ subject }),
  supports: {
    codes: true,
    details: true,
    retryAfterMs: true,
    deadline: true,
    cancellation: true,
    carriedValues: true,
    outOfOrder: true,
  },
});
