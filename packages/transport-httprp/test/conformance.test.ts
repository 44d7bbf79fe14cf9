import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { testTransport, type TransportSubject } from "@kit/conformance/transport";
import { defineService } from "@kit/service";
import { connectHttp, serveHttp } from "@kit/transport-http";
import { z } from "zod";
import { httprpHandler } from "../src/index.ts";

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

async function listening(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function stop(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** A service behind the proxy is what it is without. */
const subject: TransportSubject = {
  async serve(methods) {
    const behind = createServer(serveHttp(Suite, methods));
    const handler = httprpHandler({ origin: await listening(behind) });
    const proxy = createServer(handler);
    const url = await listening(proxy);
    return {
      client: connectHttp(Suite, { url }),
      async close() {
        stop(proxy);
        await handler.close();
        stop(behind);
      },
    };
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
