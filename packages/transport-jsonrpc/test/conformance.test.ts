import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { testTransport, type TransportSubject } from "@kit/conformance/transport";
import { defineService } from "@kit/service";
import { z } from "zod";
import { connectJsonrpc, serveJsonrpc } from "../src/index.ts";

const any = { request: z.any(), response: z.any() };
const Suite = defineService("suite", {
  echo: any,
  add: any,
  fail: any,
  unknownError: any,
  slow: any,
  carried: any,
  callInfo: any,
});

const subject: TransportSubject = {
  async serve(methods) {
    const server = createServer(serveJsonrpc(Suite, methods)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/rpc`;
    const close = async (): Promise<void> => {
      server.close();
      server.closeAllConnections();
    };
    return { client: connectJsonrpc(Suite, { url }), close };
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
