import type { AnyMiddleware } from "@kit/endpoint";
import { implement } from "@kit/service";
import { extractTrace } from "@kit/tracing-otel";
import { drainHttp, serveHttp } from "@kit/transport-http";
import type { Backend } from "../backend.ts";
import { Strings } from "../contracts.ts";
import { listen, type Listening } from "../listen.ts";

/** A little stringsvc over HTTP. What its rules refuse stands in the reply, as in go-kit's. */
export function stringsvcBackend(wrap: AnyMiddleware): Backend {
  const endpoints = implement(
    Strings,
    {
      async uppercase({ s }) {
        return s === "" ? { v: "", err: "empty string" } : { v: s.toUpperCase() };
      },
      async count({ s }) {
        return { v: Buffer.byteLength(s) };
      },
    },
    () => wrap,
  );
  let listening: Listening;
  return {
    async start(address) {
      listening = await listen(address, serveHttp(Strings, endpoints, { before: [extractTrace()] }));
      return listening.address;
    },
    stop: () => drainHttp(listening.server),
  };
}
