import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { credentials, Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { background, chain, type Context } from "@kit/endpoint";
import { defineService, implement } from "@kit/service";
import { nats, rabbitmq, startServer, whenInstalled } from "@kit/servers";
import {
  amqpConnection,
  connectAmqp,
  type ConnectAmqpOptions,
  serveAmqp,
  type ServeAmqpOptions,
} from "@kit/transport-amqp";
import {
  connectGrpc,
  type ConnectGrpcOptions,
  drainGrpc,
  grpcService,
  messageCodec,
  serveGrpc,
  type ServeGrpcOptions,
} from "@kit/transport-grpc";
import { connectHttp, drainHttp, type HttpHandler, serveHttp } from "@kit/transport-http";
import { connectNats, type NatsClientCommon, type NatsServerOptions, serveNats } from "@kit/transport-nats";
import type { ServeThriftOptions, ThriftClientOptions } from "@kit/transport-thrift";
import { connect } from "@nats-io/transport-node";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { jwtClaims, jwtParser, jwtSigner, jwtToken, tokenFromHeader, tokenToHeader } from "../src/index.ts";
import { ec, errorOf, mapToken } from "./tokens.ts";

vi.setConfig({ testTimeout: 60_000 });

const read = (authorization?: string): string | undefined =>
  tokenFromHeader(background, {
    header: (name) => (name === "authorization" ? authorization : undefined),
  }).get(jwtToken);

function write(ctx: Context, headers: Record<string, string> = {}): Record<string, string> {
  tokenToHeader(ctx, { headers });
  return headers;
}

describe("tokenFromHeader", () => {
  it("takes the token behind the scheme, as go-kit's TestHTTPToContext and TestGRPCToContext", () => {
    expect(read()).toBeUndefined();
    expect(read("no expected auth header format value")).toBeUndefined();
    expect(read(mapToken)).toBeUndefined();
    expect(read(`Bearer ${mapToken}`)).toBe(mapToken);
  });

  it("takes the scheme in any case", () => {
    for (const scheme of ["bearer", "BEARER", "bEaReR"]) expect(read(`${scheme} x`)).toBe("x");
  });

  it.each([
    "Bearer",
    "Bearer ",
    "Bearer  x",
    "Bearer x ",
    "Bearer x y",
    " Bearer x",
    "Bearer\tx",
    "Basic x",
    "Bearerx",
    "Bearer a, Bearer b",
  ])("leaves the context as it is for %j", (header) => {
    expect(tokenFromHeader(background, { header: () => header })).toBe(background);
  });
});

describe("tokenToHeader", () => {
  it("writes the header only when there is a token, as go-kit's TestContextToHTTP and TestContextToGRPC", () => {
    expect(write(background)).toEqual({});
    expect(write(background.with(jwtToken, mapToken))).toEqual({ authorization: `Bearer ${mapToken}` });
  });

  it("takes the place of what stands there", () => {
    expect(write(background.with(jwtToken, "x"), { authorization: "Bearer old" })).toEqual({
      authorization: "Bearer x",
    });
    expect(write(background, { authorization: "Bearer old" })).toEqual({ authorization: "Bearer old" });
  });
});

const Who = defineService("who", { am: { request: z.object({}), response: z.object({ sub: z.string() }) } });

const parser = jwtParser({ key: ec.publicKey, algorithms: ["ES256"], audience: "who" });
const endpoints = implement(
  Who,
  {
    async am(_request, ctx) {
      return { sub: ctx.get(jwtClaims)!.sub! };
    },
  },
  () => parser,
);

/** A client's calls, with a token for whom it is told. */
const signed = (aud: string) => jwtSigner({ key: ec.privateKey, algorithm: "ES256", claims: { sub: "ada", aud } });
const before = [tokenToHeader];

describe("on HTTP", () => {
  async function served(): Promise<{ server: Server; url: string }> {
    const handler: HttpHandler = serveHttp(Who, endpoints, { before: [tokenFromHeader] });
    const server = createServer(handler).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => drainHttp(server).then(() => {}));
    return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it("a signed call is served, and another is refused without a reason", async () => {
    const { url } = await served();
    await using client = connectHttp(Who, { url, before });
    expect(await signed("who")(client.am)({}, background)).toEqual({ sub: "ada" });
    for (const call of [client.am, signed("shop")(client.am)]) {
      const error = await errorOf(call({}, background));
      expect(error).toMatchObject({ code: "unauthenticated", message: "JWT was invalid" });
      expect(error).not.toHaveProperty("details");
    }
  });

  it("a stranger gets 401, the challenge, and no word more", async () => {
    const { url } = await served();
    for (const [authorization, challenge] of [
      ["", 'Bearer realm="api"'],
      ["Basic eDp5", 'Bearer realm="api"'],
      ["Bearer x.y.z", 'Bearer realm="api", error="invalid_token"'],
    ] as const) {
      const response = await fetch(`${url}/am`, { method: "POST", body: "{}", headers: { authorization } });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe(challenge);
      expect(await response.json()).toEqual({ code: "unauthenticated", message: "JWT was invalid" });
    }
  });
});

whenInstalled(nats, () => {
  it("on NATS a signed call is served, and another is refused without a reason", async () => {
    await using server = await startServer(nats);
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    await using _ = serveNats(Who, endpoints, { connection, before: [tokenFromHeader] });
    await using client = connectNats(Who, { connection, before });
    expect(await chain(signed("who"))(client.am)({}, background)).toEqual({ sub: "ada" });
    for (const call of [client.am, signed("shop")(client.am)]) {
      const error = await errorOf(call({}, background));
      expect(error).toMatchObject({ code: "unauthenticated", message: "JWT was invalid" });
      expect(error).not.toHaveProperty("details");
    }
  });
});

whenInstalled(rabbitmq, () => {
  it("on AMQP a signed call is served, and another is refused without a reason", async () => {
    await using broker = await startServer(rabbitmq);
    await using connection = amqpConnection({ url: broker.url });
    await using served = serveAmqp(Who, endpoints, { connection, before: [tokenFromHeader] });
    await served.ready();
    await using client = connectAmqp(Who, { connection, before });
    expect(await signed("who")(client.am)({}, background)).toEqual({ sub: "ada" });
    for (const call of [client.am, signed("shop")(client.am)]) {
      const error = await errorOf(call({}, background));
      expect(error).toMatchObject({ code: "unauthenticated", message: "JWT was invalid" });
      expect(error).not.toHaveProperty("details");
    }
  });
});

it("on gRPC a signed call is served, and another is refused without a reason", async () => {
  const text = messageCodec(StringValueSchema);
  const methods = { am: { path: "/test.Who/Am", requestCodec: text, responseCodec: text } };
  const WhoGrpc = grpcService({ name: "test.Who", methods });
  const server = new GrpcServer();
  const am = parser(async (_request: { value: string }, ctx) => ({ value: ctx.get(jwtClaims)!.sub! }));
  serveGrpc(WhoGrpc, { am }, { server, before: [tokenFromHeader] });
  const port = await new Promise<number>((resolve) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (_error, bound) => resolve(bound));
  });
  onTestFinished(() => drainGrpc(server).then(() => {}));
  const insecure = credentials.createInsecure();
  await using client = connectGrpc(WhoGrpc, { address: `127.0.0.1:${port}`, credentials: insecure, before });
  expect((await signed("who")(client.am)({ value: "" }, background)).value).toBe("ada");
  for (const call of [client.am, signed("shop")(client.am)]) {
    const error = await errorOf(call({ value: "" }, background));
    expect(error).toMatchObject({ code: "unauthenticated", message: "JWT was invalid" });
    expect(error).not.toHaveProperty("details");
  }
});

it("the hooks fit every transport", () => {
  type Hook<Options extends { readonly before?: readonly unknown[] }> = NonNullable<Options["before"]>[number];
  expectTypeOf(tokenFromHeader).toExtend<Hook<NatsServerOptions>>();
  expectTypeOf(tokenFromHeader).toExtend<Hook<ServeThriftOptions>>();
  expectTypeOf(tokenFromHeader).toExtend<Hook<ServeGrpcOptions>>();
  expectTypeOf(tokenFromHeader).toExtend<Hook<ServeAmqpOptions>>();
  expectTypeOf(tokenToHeader).toExtend<Hook<NatsClientCommon>>();
  expectTypeOf(tokenToHeader).toExtend<Hook<ThriftClientOptions>>();
  expectTypeOf(tokenToHeader).toExtend<Hook<ConnectGrpcOptions>>();
  expectTypeOf(tokenToHeader).toExtend<Hook<ConnectAmqpOptions>>();
});
