import { background, contextKey, isKitError, text } from "@kit/endpoint";
import { defineService } from "@kit/service";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { z } from "zod";
import { connectHttp, httpHandler, serveHttp } from "../src/index.ts";
import { lying, serving } from "./serving.ts";
import { parsed, request, wire } from "./wire.ts";

const tenant = contextKey("x-tenant", { carry: text });

const Things = defineService("things", {
  add: { request: z.object({ a: z.number(), b: z.number() }), response: z.number() },
  get: { request: z.object({ id: z.string() }), response: z.string(), http: "GET /things/{id}" },
  any: { request: z.any(), response: z.any(), http: "/any" },
});

const handler = serveHttp(Things, {
  add: async ({ a, b }) => a + b,
  get: async ({ id }) => id,
  any: async (sent, ctx) => [sent ?? null, ctx.get(tenant) ?? null],
});

const statuses = new Set([100, 200, 204, 400, 404, 405, 408, 413, 431, 504]);

/** Bytes that begin like a request, and go wrong somewhere or nowhere. */
const almostRequest: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.constantFrom("GET", "POST", "PUT", "HEAD", "OPTIONS", "get", "", "P\0ST"),
    fc.oneof(fc.constantFrom("/add", "/any", "/things/7", "*", "http://x/any", "/things/%"), fc.string()),
    fc.constantFrom("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", ""),
    fc.array(
      fc.oneof(
        fc.constantFrom(
          "Host: a",
          "Content-Length: 3",
          "Content-Length: 99",
          "Content-Length: -1",
          "Expect: 100-continue",
        ),
        fc.constantFrom("Transfer-Encoding: chunked", "Connection: close", "Connection: upgrade", "Upgrade: websocket"),
        fc.constantFrom("connect-timeout-ms: 1", "connect-timeout-ms: x", "x-tenant: %zz", ": ", "\0: \0"),
        fc.tuple(fc.string(), fc.string()).map(([name, value]) => `${name}: ${value}`),
      ),
      { maxLength: 6 },
    ),
    fc.oneof(fc.json(), fc.string(), fc.constantFrom("3\r\n1.5\r\n0\r\n\r\n", "ffffffffffff\r\n", "0\r\n\r\n")),
    fc.constantFrom("\r\n", "\n", "\r"),
  )
  .map(([verb, path, version, headers, body, line]) =>
    Buffer.from([`${verb} ${path} ${version}`, ...headers, "", body].join(line), "latin1"),
  );

const anyBytes = fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes));

it("a server outlives whatever bytes come, and answers the next good call", { timeout: 60_000 }, async () => {
  const { port, url } = await serving(handler);
  await using client = connectHttp(Things, { url });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(almostRequest, almostRequest, anyBytes), { minLength: 1, maxLength: 4 }),
      async (parts) => {
        const caller = await wire(port);
        for (const part of parts) caller.send(part);
        caller.socket.end();
        const answer = await caller.all();
        for (const [, status] of answer.matchAll(/^HTTP\/1\.1 (\d+) /gm)) expect(statuses).toContain(Number(status));
        expect(await client.add({ a: 1, b: 2 }, background)).toBe(3);
      },
    ),
    { numRuns: 150 },
  );
});

it("a server answers whatever body comes as what it is: a request, or a wrong one", async () => {
  const { port } = await serving(handler);
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string(), fc.string({ unit: "binary" })), async (body) => {
      const caller = await wire(port);
      caller.send(request("POST /add", [], body));
      const answer = parsed(await caller.all());
      const { code = "none" } = JSON.parse(answer.body);
      expect([answer.status, code]).toEqual(isSum(body) ? [200, "none"] : [400, "invalid_argument"]);
    }),
    { numRuns: 150 },
  );
});

function isSum(body: string): boolean {
  try {
    return z.object({ a: z.number(), b: z.number() }).safeParse(JSON.parse(body)).success;
  } catch {
    return false;
  }
}

it("both forms of a handler answer the same", async () => {
  const { url } = await serving(handler);
  const value = fc.string({ unit: "grapheme-ascii" }).map((sent) => sent.trim());
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("/any", "/add", "/things/7", "/things/%C3", "/nothing", "/things?a=1"),
      fc.constantFrom("POST", "GET", "PUT"),
      fc.oneof(fc.json(), fc.string()),
      fc.record(
        {
          "x-tenant": value,
          "content-type": value,
          "x-other": value,
          "connect-timeout-ms": fc.constantFrom("", "0", "-1", "60000", "x", "99999999999"),
        },
        { requiredKeys: [] },
      ),
      async (path, method, body, headers) => {
        const ask = (origin: string): Request =>
          new Request(origin + path, { method, headers, ...(method !== "GET" && { body }) });
        const [node, form] = await Promise.all([fetch(ask(url)), handler.fetch(ask("http://test"))]);
        expect([form.status, await form.text()]).toEqual([node.status, await node.text()]);
        for (const name of ["content-type", "allow"]) expect(form.headers.get(name)).toBe(node.headers.get(name));
      },
    ),
    { numRuns: 150 },
  );
});

it("a client outlives whatever bytes a server says, and makes the next call", { timeout: 60_000 }, async () => {
  let says = Buffer.alloc(0);
  const { url } = await lying((socket) => {
    socket.once("data", () => socket.end(says));
  });
  const good = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n3");
  await using client = connectHttp(Things, { url });
  const lie = fc
    .tuple(fc.nat(good.length), fc.nat(20), anyBytes)
    .map(([at, cut, bytes]) => Buffer.concat([good.subarray(0, at), bytes, good.subarray(at + cut)]));
  await fc.assert(
    fc.asyncProperty(lie, async (bytes) => {
      says = bytes;
      using ctx = background.withTimeout(2_000);
      const [outcome] = await Promise.allSettled([client.add({ a: 1, b: 2 }, ctx)]);
      expect(outcome.status === "fulfilled" || isKitError(outcome.reason)).toBe(true);
      says = good;
      expect(await client.add({ a: 1, b: 2 }, background)).toBe(3);
    }),
    { numRuns: 150 },
  );
});

it("a carried value is what was sent, or absent", async () => {
  const seen = httpHandler(async (_, ctx) => ctx.get(tenant) ?? null);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme-ascii" }), async (raw) => {
      const header = raw.trim();
      const response = await seen.fetch(new Request("http://test", { headers: { "x-tenant": header } }));
      let expected: string | null = null;
      try {
        expected = decodeURIComponent(header);
      } catch {
        // Not what a peer of ours sends.
      }
      expect(await response.json()).toBe(expected);
    }),
  );
});
