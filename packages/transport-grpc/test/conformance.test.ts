import { testTransport, type TransportMethods } from "@kit/conformance/transport";
import { Server } from "@grpc/grpc-js";
import type { Code } from "@kit/endpoint";
import { connectGrpc, grpcService, serveGrpc } from "../src/index.ts";
import { Suite as SuiteDescriptor } from "./generated/suite_pb.ts";
import { bound, insecure } from "./serving.ts";

const Suite = grpcService(SuiteDescriptor);

testTransport({
  async setup() {
    return {
      subject: {
        async serve(methods) {
          const server = new Server();
          serveGrpc(
            Suite,
            {
              echo: async ({ json }, ctx) => ({ json: text(await methods.echo(JSON.parse(json), ctx)) }),
              async add({ a, b }, ctx) {
                const { sum } = await methods.add({ a: Number(a), b: Number(b) }, ctx);
                return { sum: BigInt(sum) };
              },
              fail({ code, message, details, retryAfterMs }, ctx) {
                const failure = {
                  code: code as Code,
                  message,
                  ...(details !== undefined && { details: JSON.parse(details) as unknown }),
                  ...(retryAfterMs !== undefined && { retryAfterMs }),
                };
                return methods.fail(failure, ctx);
              },
              unknownError: (request, ctx) => methods.unknownError(request, ctx),
              slow: (request, ctx) => methods.slow(request, ctx),
              carried: async (request, ctx) => defined(await methods.carried(request, ctx)),
              callInfo: (_, ctx) => methods.callInfo({}, ctx),
            },
            { server },
          );
          const port = await bound(server);
          const peer = connectGrpc(Suite, { address: `127.0.0.1:${port}`, credentials: insecure });
          const client: TransportMethods = {
            echo: async (request, ctx) => JSON.parse((await peer.echo({ json: text(request) }, ctx)).json),
            async add({ a, b }, ctx) {
              const { sum } = await peer.add({ a: BigInt(a), b: BigInt(b) }, ctx);
              return { sum: Number(sum) };
            },
            fail: async ({ details, ...failure }, ctx) => {
              await peer.fail({ ...failure, ...(details !== undefined && { details: text(details) }) }, ctx);
              return {};
            },
            unknownError: async (request, ctx) => {
              await peer.unknownError(request, ctx);
              return {};
            },
            slow: async (request, ctx) => ({ id: (await peer.slow(request, ctx)).id }),
            carried: async (request, ctx) => defined(await peer.carried(request, ctx)),
            async callInfo(_, ctx) {
              const { service, method, transport } = await peer.callInfo({}, ctx);
              return { service, method, transport };
            },
          };
          return {
            client: { ...client, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() },
            close: async () => server.forceShutdown(),
          };
        },
      },
    };
  },
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

function text(value: unknown): string {
  return JSON.stringify(value);
}

function defined({ value }: { readonly value?: string | undefined }): { readonly value?: string } {
  return value === undefined ? {} : { value };
}
