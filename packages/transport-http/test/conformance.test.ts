import { testTransport, type TransportCapability, type TransportSubject } from "@kit/conformance/transport";
import { type ClientOf, defineService } from "@kit/service";
import { once } from "node:events";
import { createServer } from "node:http";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import { describe } from "vitest";
import { z } from "zod";
import { connectHttp, fetchSender, type HttpSender, serveHttp, undiciSender } from "../src/index.ts";
import { portOf } from "./serving.ts";

const any = { request: z.any(), response: z.any() };
const Suite = defineService("suite", {
  echo: any,
  add: { request: z.object({ a: z.coerce.number(), b: z.number() }), response: z.any(), http: "PUT /sums/{a}" },
  fail: any,
  unknownError: any,
  slow: { ...any, http: "/slow" },
  carried: { ...any, http: "GET /carried/{key}" },
  callInfo: { ...any, http: "DELETE /info" },
});

const supports: Record<TransportCapability, true> = {
  codes: true,
  details: true,
  retryAfterMs: true,
  deadline: true,
  cancellation: true,
  carriedValues: true,
  outOfOrder: true,
};

/** A client with a sender of its own, which goes with it. */
function connected(url: string, sender: HttpSender): ClientOf<typeof Suite> {
  return Object.assign(connectHttp(Suite, { url, sender }), { [Symbol.asyncDispose]: () => sender.close() });
}

async function servedBy(methods: Parameters<TransportSubject["serve"]>[0]) {
  const server = createServer(serveHttp(Suite, methods)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${portOf(server)}`, close };
}

const http1: TransportSubject = {
  async serve(methods) {
    const { url, close } = await servedBy(methods);
    return { client: connectHttp(Suite, { url }), close };
  },
};

const http1ByFetch: TransportSubject = {
  async serve(methods) {
    const { url, close } = await servedBy(methods);
    return { client: connected(url, fetchSender({ origin: url })), close };
  },
};

/** With a key that both sides know already there need be no certificate. */
const psk = { identity: "suite", psk: Buffer.alloc(32, 7) };
const tls = { ciphers: "PSK", maxVersion: "TLSv1.2" } as const;

const http2: TransportSubject = {
  async serve(methods) {
    const sessions = new Set<ServerHttp2Session>();
    const options = { ...tls, pskCallback: () => psk.psk };
    const server = createSecureServer(options, serveHttp(Suite, methods)).listen(0, "127.0.0.1");
    server.on("session", (session) => sessions.add(session));
    await once(server, "listening");
    const url = `https://127.0.0.1:${portOf(server)}`;
    const trust = { ...tls, allowH2: true, pskCallback: () => psk, checkServerIdentity: () => undefined };
    const close = async (): Promise<void> => {
      server.close();
      for (const session of sessions) session.destroy();
    };
    return { client: connected(url, undiciSender({ origin: url, tls: trust })), close };
  },
};

/** No socket at all: one's requests are the other's. */
const fetchForm: TransportSubject = {
  async serve(methods) {
    const url = "http://suite";
    const handler = serveHttp(Suite, methods);
    const sender = fetchSender({ origin: url, fetch: (request) => handler.fetch(request) });
    return { client: connected(url, sender), close: () => sender.close() };
  },
};

describe.each(Object.entries({ http1, http1ByFetch, http2, fetchForm }))("%s", (_, subject) => {
  testTransport({ setup: async () => ({ subject }), supports });
});
