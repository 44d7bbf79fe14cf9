import { testTransport, type TransportCapability, type TransportMethods } from "@kit/conformance/transport";
import { createServer } from "node:net";
import { describe } from "vitest";
import { connectThrift, serveThrift, type ThriftFraming, type ThriftProtocol, thriftService } from "../src/index.ts";
import { SuiteModule } from "./generated.ts";
import { listening } from "./serving.ts";

/** Any JSON value is JSON in a string, as the IDL says. */
const Suite = thriftService("suite", SuiteModule, {
  echo: { args: ["value"] },
  add: { args: ["a", "b"] },
  fail: { args: ["failure"] },
  unknownError: { args: ["message"] },
  slow: { args: ["id"] },
  carried: { args: ["key"] },
  callInfo: { args: [] },
});

function served(methods: TransportMethods) {
  return serveThrift(Suite, {
    echo: async ({ value }, ctx) => JSON.stringify((await methods.echo({ value: JSON.parse(value) }, ctx)).value),
    add: async (request, ctx) => (await methods.add(request, ctx)).sum,
    fail: async ({ failure }, ctx) => void (await methods.fail(JSON.parse(failure), ctx)),
    unknownError: async (request, ctx) => void (await methods.unknownError(request, ctx)),
    slow: async (request, ctx) => (await methods.slow(request, ctx)).id,
    carried: (request, ctx) => methods.carried(request, ctx),
    async callInfo(_, ctx) {
      const { service, method, transport } = await methods.callInfo({}, ctx);
      return { svc: service, method, transport };
    },
  });
}

function connected(address: string, protocol: ThriftProtocol, framing: ThriftFraming) {
  const client = connectThrift(Suite, { address, protocol, framing });
  const methods: TransportMethods = {
    async echo({ value }, ctx) {
      return { value: JSON.parse(await client.echo({ value: JSON.stringify(value) }, ctx)) as unknown };
    },
    add: async (request, ctx) => ({ sum: await client.add(request, ctx) }),
    async fail(failure, ctx) {
      await client.fail({ failure: JSON.stringify(failure) }, ctx);
      return {};
    },
    async unknownError(request, ctx) {
      await client.unknownError(request, ctx);
      return {};
    },
    slow: async (request, ctx) => ({ id: await client.slow(request, ctx) }),
    carried: async (request, ctx) => ({ value: (await client.carried(request, ctx)).value ?? undefined }),
    async callInfo(_, ctx) {
      const { svc, method, transport } = await client.callInfo({}, ctx);
      return { service: svc, method, transport };
    },
  };
  return Object.assign(methods, { [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() });
}

const cancellation =
  "Thrift has no word for the end of one of many calls on a connection; the handler's context ends with the connection, and at the deadline";
const headers: Record<TransportCapability, true | string> = {
  codes: true,
  details: true,
  retryAfterMs: true,
  deadline: true,
  cancellation,
  carriedValues: true,
  outOfOrder: true,
};
const none = "only THeader has a place for it; this peer speaks without";
const plain: typeof headers = { ...headers, details: none, retryAfterMs: none, deadline: none, carriedValues: none };

const forms: readonly (readonly [ThriftProtocol, ThriftFraming, typeof headers])[] = [
  ["binary", "header", headers],
  ["compact", "header", headers],
  ["binary", "framed", plain],
  ["binary", "buffered", plain],
  ["compact", "buffered", plain],
  ["json", "framed", plain],
  ["json", "buffered", plain],
];

describe.each(forms)("%s, %s", (protocol, framing, supports) => {
  testTransport({
    setup: async () => ({
      subject: {
        async serve(methods) {
          const handler = served(methods);
          const { server, address } = await listening(createServer(handler));
          const close = async (): Promise<void> => {
            server.close();
            await handler.close({ timeoutMs: 1 });
          };
          return { client: connected(address, protocol, framing), close };
        },
      },
    }),
    supports,
  });
});
