import { background } from "@kit/endpoint";
import { defineService, implement } from "@kit/service";
import { nats, startServer, whenInstalled } from "@kit/servers";
import type { ConnectAmqpOptions, ServeAmqpOptions } from "@kit/transport-amqp";
import type { ConnectGrpcOptions, ServeGrpcOptions } from "@kit/transport-grpc";
import { connectHttp, drainHttp, serveHttp } from "@kit/transport-http";
import { connectNats, type NatsClientCommon, type NatsServerOptions, serveNats } from "@kit/transport-nats";
import type { ServeThriftOptions, ThriftClientOptions } from "@kit/transport-thrift";
import { connect } from "@nats-io/transport-node";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import {
  authorization,
  authorizationFromHeader,
  basicAuth,
  basicUser,
  credentialsToHeader,
  knownUsers,
} from "../src/index.ts";

vi.setConfig({ testTimeout: 60_000 });

describe("credentialsToHeader", () => {
  it("writes the header of RFC 7617, in place of what stands there", () => {
    const written = (user: string, password: string): string => {
      const headers: Record<string, string> = {};
      credentialsToHeader(user, password)(background, { headers });
      return headers["authorization"]!;
    };
    expect(written("Aladdin", "open sesame")).toBe("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    expect(written("test", "123£")).toBe("Basic dGVzdDoxMjPCow==");
    const headers = { authorization: "Bearer x" };
    credentialsToHeader("user", "password")(background, { headers });
    expect(headers).toEqual({ authorization: "Basic dXNlcjpwYXNzd29yZA==" });
  });

  it.each([
    ["a:b", "x", 'credentialsToHeader: a user must not contain a colon, got "a:b"'],
    ["a\r\nb", "x", "credentialsToHeader: user and password must not contain control characters"],
    ["a", "\0", "credentialsToHeader: user and password must not contain control characters"],
  ])("refuses user %j with password %j", (user, password, message) => {
    expect(() => credentialsToHeader(user, password)).toThrow(new TypeError(message));
  });
});

describe("authorizationFromHeader", () => {
  it("hands on the header, whatever its scheme, or leaves the context as it is", () => {
    const header = (name: string): string | undefined => (name === "authorization" ? "Bearer x" : undefined);
    expect(authorizationFromHeader(background, { header }).get(authorization)).toBe("Bearer x");
    expect(authorizationFromHeader(background, { header: () => undefined })).toBe(background);
  });
});

const Who = defineService("who", { am: { request: z.object({}), response: z.string() } });
const auth = basicAuth({ realm: "who", verify: knownUsers({ Jürgen: "pass:word" }) });
const endpoints = implement(Who, { am: async (_request, ctx) => ctx.get(basicUser)! }, () => auth);
const refused = { code: "unauthenticated", message: "Unauthorized" };
const right = { before: [credentialsToHeader("Jürgen", "pass:word")] };
const wrong = { before: [credentialsToHeader("Jürgen", "password")] };

it("on HTTP the right credentials are served, others get 401 and the challenge, and no word more", async () => {
  const server = createServer(serveHttp(Who, endpoints, { before: [authorizationFromHeader] })).listen(0, "127.0.0.1");
  onTestFinished(() => drainHttp(server).then(() => {}));
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using client = connectHttp(Who, { url, ...right });
  expect(await client.am({}, background)).toBe("Jürgen");
  await using other = connectHttp(Who, { url, ...wrong });
  await expect(other.am({}, background)).rejects.toMatchObject(refused);
  const response = await fetch(`${url}/am`, { method: "POST", body: "{}" });
  expect([response.status, response.headers.get("www-authenticate"), await response.json()]).toEqual([
    401,
    'Basic realm="who", charset="UTF-8"',
    refused,
  ]);
});

whenInstalled(nats, () => {
  it("on NATS the right credentials are served, and others refused", async () => {
    await using server = await startServer(nats);
    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    await using _ = serveNats(Who, endpoints, { connection, before: [authorizationFromHeader] });
    await using client = connectNats(Who, { connection, ...right });
    expect(await client.am({}, background)).toBe("Jürgen");
    await using other = connectNats(Who, { connection, ...wrong });
    await expect(other.am({}, background)).rejects.toMatchObject(refused);
  });
});

it("the hooks fit every transport", () => {
  type Hook<Options extends { readonly before?: readonly unknown[] }> = NonNullable<Options["before"]>[number];
  expectTypeOf(authorizationFromHeader).toExtend<Hook<NatsServerOptions>>();
  expectTypeOf(authorizationFromHeader).toExtend<Hook<ServeThriftOptions>>();
  expectTypeOf(authorizationFromHeader).toExtend<Hook<ServeGrpcOptions>>();
  expectTypeOf(authorizationFromHeader).toExtend<Hook<ServeAmqpOptions>>();
  expectTypeOf(credentialsToHeader("", "")).toExtend<Hook<NatsClientCommon>>();
  expectTypeOf(credentialsToHeader("", "")).toExtend<Hook<ThriftClientOptions>>();
  expectTypeOf(credentialsToHeader("", "")).toExtend<Hook<ConnectGrpcOptions>>();
  expectTypeOf(credentialsToHeader("", "")).toExtend<Hook<ConnectAmqpOptions>>();
});
