import type { EndpointsOf } from "@kit/service";
import { drainHttp } from "@kit/transport-http";
import { serveJsonrpc } from "@kit/transport-jsonrpc";
import { extractTrace } from "@kit/tracing-otel";
import { Add } from "../contract.ts";
import type { Address } from "../flags.ts";
import { listen, type Listening } from "../listen.ts";
import type { Wire } from "../wires.ts";

export function serveOnJsonrpc(endpoints: EndpointsOf<typeof Add>, { flag, host, port }: Address): Wire {
  const handler = serveJsonrpc(Add, endpoints, { before: [extractTrace()], caseInsensitiveKeys: ["a", "b"] });
  let listening: Listening;
  return {
    name: "jsonrpc",
    get address() {
      return `http://${listening.address}`;
    },
    async start() {
      listening = await listen(flag, handler, host, port);
    },
    stop: () => drainHttp(listening.server),
  };
}
