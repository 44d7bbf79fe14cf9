import type { Context, Endpoint, KitError } from "@kit/endpoint";
import { defineService } from "@kit/service";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  connectHttp,
  fetchSender,
  type HttpClient,
  httpClient,
  type HttpHandler,
  httpHandler,
  type HttpRequest,
  type HttpSender,
  serveHttp,
  statusError,
  undiciSender,
} from "../src/index.ts";

const Add = defineService("addsvc", {
  sum: {
    request: z.object({ a: z.int(), b: z.int().default(0) }),
    response: z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }),
  },
});

describe("the types", () => {
  it("of a service are those of its contract, from either side", () => {
    expectTypeOf(serveHttp<typeof Add>)
      .parameter(1)
      .toHaveProperty("sum")
      .toEqualTypeOf<Endpoint<{ a: number; b: number }, { at: string }>>();
    expectTypeOf(connectHttp(Add, { url: "http://test" }).sum).toEqualTypeOf<
      Endpoint<{ a: number; b?: number | undefined }, { at: Date }>
    >();
    // @ts-expect-error -- an endpoint is missing
    if (false as boolean) serveHttp(Add, {});
  });

  it("of a handler are those of its endpoint", () => {
    const endpoint: Endpoint<{ n: number }, string> = async ({ n }) => String(n);
    expectTypeOf(httpHandler(endpoint)).toEqualTypeOf<HttpHandler>();
    httpHandler(endpoint, {
      decode: (request, ctx) => {
        expectTypeOf(request).toEqualTypeOf<HttpRequest>();
        expectTypeOf(ctx).toEqualTypeOf<Context>();
        return { n: 1 };
      },
      encode: (response) => void expectTypeOf(response).toEqualTypeOf<string>(),
    });
    // @ts-expect-error -- decodes something else
    httpHandler(endpoint, { decode: () => ({ m: 1 }) });
  });

  it("of a client are those it is told", () => {
    const client = httpClient<{ n: number }, string>({ url: "http://test" });
    expectTypeOf(client).toEqualTypeOf<HttpClient<{ n: number }, string>>();
    expectTypeOf(client).toExtend<Endpoint<{ n: number }, string> & AsyncDisposable>();
    expectTypeOf(undiciSender).returns.toEqualTypeOf<HttpSender>();
  });

  it("of a handler fit every server and platform", () => {
    const handler = httpHandler(async () => 1);
    expectTypeOf(createServer).toBeCallableWith(handler);
    expectTypeOf(createHttp2Server).toBeCallableWith(handler);
    expectTypeOf(fetchSender).toBeCallableWith({ origin: "http://test", fetch: (request) => handler.fetch(request) });
    expectTypeOf<typeof globalThis.fetch>().toExtend<NonNullable<Parameters<typeof fetchSender>[0]["fetch"]>>();
  });

  it("of an error with a status keep its code", () => {
    expectTypeOf(statusError(410, "not_found", "gone")).toExtend<KitError & { statusCode(): number }>();
  });
});
