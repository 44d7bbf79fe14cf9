import type { EndpointsOf } from "@kit/service";
import { drainHttp, serveHttp } from "@kit/transport-http";
import { extractTrace } from "@kit/tracing-otel";
import { Add } from "../contract.ts";
import { encodeAddError } from "../errors.ts";
import type { Address } from "../flags.ts";
import { listen, type Listening } from "../listen.ts";
import type { Wire } from "../wires.ts";

export function serveOnHttp(endpoints: EndpointsOf<typeof Add>, { flag, host, port }: Address): Wire {
  const handler = serveHttp(Add, endpoints, {
    before: [extractTrace()],
    caseInsensitiveKeys: ["a", "b"],
    errorEncoder: encodeAddError,
  });
  let listening: Listening;
  return {
    name: "http",
    get address() {
      return `http://${listening.address}`;
    },
    async start() {
      listening = await listen(flag, handler, host, port);
    },
    stop: () => drainHttp(listening.server),
  };
}
