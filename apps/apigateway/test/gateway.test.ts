import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type JwtClaims, jwtSigner, jwtToken } from "@kit/auth-jwt";
import { background } from "@kit/endpoint";
import { type Logger, loggerFunc } from "@kit/log";
import { memoryMetrics } from "@kit/metrics";
import { fixedInstancer } from "@kit/sd";
import { drainHttp } from "@kit/transport-http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Backend } from "../src/backend.ts";
import { addsvcBackend } from "../src/backends/addsvc.ts";
import { stringsvcBackend } from "../src/backends/stringsvc.ts";
import { authenticated, issueToken } from "../src/caller.ts";
import { type Gateway, makeGateway } from "../src/gateway.ts";
import { recentTraces, type RecentTraces } from "../src/recent-traces.ts";
import { openTracing, type Tracing } from "../src/tracing.ts";

const secret = "a secret of more than thirty-two bytes";
const jwt = { auth: "jwt", "jwks-url": "", "jwt-audience": "apigateway" };
const anyPort = { flag: "listen", host: "127.0.0.1", port: 0 };
/** Nobody listens there. */
const dead = "127.0.0.1:1";

let lines: Record<string, unknown>[];
let traces: RecentTraces;
let tracing: Tracing;
let backends: Backend[];
let gateways: Gateway[];
let servers: Server[];
let token: string;
let addAddress: string;
let stringsAddress: string;

const logger: Logger = loggerFunc((fields) => {
  lines.push(fields);
});

beforeEach(async () => {
  lines = [];
  gateways = [];
  servers = [];
  traces = recentTraces();
  tracing = openTracing("apigateway", "", traces);
  backends = [addsvcBackend((next) => next), stringsvcBackend((next) => next)];
  [addAddress, stringsAddress] = (await Promise.all(backends.map((backend) => backend.start(anyPort)))) as [
    string,
    string,
  ];
  token = await issueToken("ada", "apigateway", secret);
});

afterEach(async () => {
  await Promise.all(servers.map((server) => drainHttp(server)));
  await Promise.all(gateways.map((made) => made[Symbol.asyncDispose]()));
  await Promise.all(backends.map((backend) => backend.stop()));
  await tracing.close();
});

interface Wanted {
  readonly add?: readonly string[];
  readonly strings?: readonly string[];
  readonly auth?: Partial<typeof jwt>;
  readonly limitPerSecond?: number;
}

/** @returns where the gateway listens. */
async function gateway({ add, strings, auth, limitPerSecond = 1_000 }: Wanted = {}): Promise<string> {
  const made = makeGateway({
    instancers: {
      addsvc: fixedInstancer((add ?? [addAddress]).map((address) => ({ address }))),
      stringsvc: fixedInstancer((strings ?? [stringsAddress]).map((address) => ({ address }))),
    },
    authenticated: authenticated({ ...jwt, ...auth }, secret),
    limitPerSecond,
    retry: { attempts: 3, timeoutMs: 20_000 },
    tracer: tracing.tracer,
    logger,
    metrics: memoryMetrics(),
  });
  gateways.push(made);
  return listen(made.handler);
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: "POST", body, headers: { authorization: `Bearer ${token}`, ...headers } });
}

async function ask(url: string, body: string): Promise<[number, unknown]> {
  const reply = await post(url, body);
  return [reply.status, await reply.json()];
}

describe("the routes", () => {
  test.each([
    ["/addsvc/sum", '{"a":1,"b":2}', 200, { v: 3 }],
    ["/addsvc/sum", '{"A":1,"B":2}\n', 200, { v: 3 }],
    ["/addsvc/concat", '{"a":"1","b":"2"}', 200, { v: "12" }],
    ["/stringsvc/uppercase", '{"s":"hello, world"}', 200, { v: "HELLO, WORLD" }],
    ["/stringsvc/uppercase", '{"s":""}', 200, { v: "", err: "empty string" }],
    ["/stringsvc/count", '{"s":"hello, world"}', 200, { v: 12 }],
    ["/addsvc/sum", '{"a":0,"b":0}', 400, { error: "can't sum two zeroes", code: "invalid_argument" }],
    ["/addsvc/sum", '{"a":2147483647,"b":1}', 400, { error: "integer overflow" }],
    ["/addsvc/concat", '{"a":"12345","b":"678901"}', 400, { error: "result exceeds maximum size" }],
    ["/addsvc/divide", "{}", 404, { error: "no method at /addsvc/divide" }],
    ["/stringsvc/count", '{"s":', 400, { error: "body: not valid JSON" }],
  ])("%s answers %s as go-kit's does", async (path, body, status, reply) => {
    expect(await ask((await gateway()) + path, body)).toMatchObject([status, reply]);
  });
});

describe("the edge", () => {
  const other = "another secret of more than thirty-two";
  const now = Math.floor(Date.now() / 1_000);
  const good = { sub: "ada", aud: "apigateway", exp: now + 60 };
  const signed = async (claims: JwtClaims, key: string): Promise<string> => {
    const signer = jwtSigner({ key: Buffer.from(key), algorithm: "HS256", claims });
    return (await signer(async (_, ctx) => ctx.get(jwtToken))(undefined, background))!;
  };
  const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

  test.each<[string, () => string | Promise<string>]>([
    ["nothing", () => ""],
    ["nonsense", () => "Bearer nonsense"],
    ["another scheme", async () => `Basic ${await signed(good, secret)}`],
    ["another's signature", async () => `Bearer ${await signed(good, other)}`],
    ["no signature", () => `Bearer ${base64({ alg: "none" })}.${base64(good)}.`],
    ["a token that has expired", async () => `Bearer ${await signed({ ...good, exp: now - 60 }, secret)}`],
    ["one for somebody else", async () => `Bearer ${await signed({ ...good, aud: "billing" }, secret)}`],
    ["one that never expires", async () => `Bearer ${await signed({ sub: "ada", aud: "apigateway" }, secret)}`],
    ["one of nobody", async () => `Bearer ${await signed({ ...good, sub: "" }, secret)}`],
  ])("refuses %s, and says no more than that", async (_, header) => {
    const reply = await post(`${await gateway()}/addsvc/sum`, '{"a":1,"b":2}', { authorization: await header() });
    expect(reply.status).toBe(401);
    expect(await reply.json()).toEqual({
      error: "JWT was invalid",
      code: "unauthenticated",
      message: "JWT was invalid",
    });
    expect(reply.headers.get("www-authenticate")).toContain('Bearer realm="api"');
  });

  test("takes what the issuer's key set verifies", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", alg: "ES256" }] });
    const jwks = await listen((_, response) => response.end(keys));
    const url = await gateway({ auth: { "jwks-url": jwks } });
    expect(await ask(`${url}/stringsvc/count`, '{"s":"x"}')).toMatchObject([401, {}]);
    const signer = jwtSigner({ key: privateKey, algorithm: "ES256", kid: "1", claims: good });
    token = (await signer(async (_, ctx) => ctx.get(jwtToken))(undefined, background))!;
    expect(await ask(`${url}/stringsvc/count`, '{"s":"x"}')).toEqual([200, { v: 1 }]);
  });

  test("lets everybody in where it is told to, and limits them by where they come from", async () => {
    const url = await gateway({ auth: { auth: "none" }, limitPerSecond: 0.001 });
    const call = (): Promise<Response> => fetch(`${url}/addsvc/sum`, { method: "POST", body: '{"a":1,"b":2}' });
    expect((await call()).status).toBe(200);
    expect((await call()).status).toBe(429);
    expect(traces.reports()[0]!.spans[0]).toMatchObject({ caller: "127.0.0.1", outcome: "resource_exhausted" });
  });

  test("limits each caller by itself, over all methods", async () => {
    const url = await gateway({ limitPerSecond: 0.001 });
    const first = await post(`${url}/addsvc/sum`, '{"a":1,"b":2}');
    expect([first.status, first.headers.get("ratelimit-remaining")]).toEqual([200, "0"]);
    const second = await post(`${url}/stringsvc/count`, '{"s":"x"}');
    expect(second.status).toBe(429);
    expect(Number(second.headers.get("retry-after"))).toBeGreaterThan(900);
    token = await issueToken("grace", "apigateway", secret);
    expect((await post(`${url}/stringsvc/count`, '{"s":"x"}')).status).toBe(200);
  });

  test.each([
    [{ auth: "basic" }, secret, '--auth must be jwt or none, got "basic"'],
    [{ "jwks-url": "here" }, secret, '--jwks-url must be a URL, got "here"'],
    [{}, undefined, "nobody could call: set JWT_SECRET"],
    [{}, "short", "JWT_SECRET must have at least 32 bytes, got 5"],
  ])("says what is wrong with %j and %j", (flags, given, message) => {
    expect(() => authenticated({ ...jwt, ...flags }, given)).toThrow(message);
  });
});

describe("an instance that is not there", () => {
  test("is gone round, and its attempt is in the trace", async () => {
    const url = await gateway({ add: [dead, addAddress], strings: [dead, stringsAddress] });
    for (let i = 1; i <= 4; i += 1) {
      expect(await ask(`${url}/addsvc/sum`, `{"a":${i},"b":2}`)).toEqual([200, { v: i + 2 }]);
      expect(await ask(`${url}/stringsvc/count`, '{"s":"x"}')).toEqual([200, { v: 1 }]);
    }
    for (const service of ["addsvc", "stringsvc"]) {
      const tried = traces
        .reports()
        .filter(({ spans }) => spans[0]!.name.startsWith(service))
        .map(({ spans }) => spans.map(({ kind, outcome }) => `${kind} ${outcome}`).join(", "));
      expect(tried).toContain("server ok, client unavailable, client ok");
    }
  });

  test("alone makes a 503, as does none at all", async () => {
    for (const add of [[dead], []]) {
      const url = await gateway({ add });
      expect(await ask(`${url}/addsvc/sum`, '{"a":1,"b":2}')).toMatchObject([503, { code: "unavailable" }]);
      expect(await ask(`${url}/stringsvc/count`, '{"s":"x"}')).toEqual([200, { v: 1 }]);
    }
  });
});

describe("a trace", () => {
  test("is told with each reply, good or bad, and logged", async () => {
    const url = await gateway();
    for (const [headers, status] of [
      [{}, 200],
      [{ authorization: "" }, 401],
    ] as const) {
      const reply = await post(`${url}/addsvc/sum`, '{"a":1,"b":2}', headers);
      const traceId = reply.headers.get("trace-id");
      expect([reply.status, traceId]).toEqual([status, expect.stringMatching(/^[\da-f]{32}$/)]);
      expect(traces.reports()[0]).toMatchObject({ traceId });
      expect(lines.at(-1)).toMatchObject({ service: "addsvc", method: "sum", trace_id: traceId });
    }
  });

  test("goes on where it began elsewhere", async () => {
    const id = "0af7651916cd43dd8448eb211c80319c";
    const traceparent = `00-${id}-b7ad6b7169203331-01`;
    const reply = await post(`${await gateway()}/addsvc/sum`, '{"a":1,"b":2}', { traceparent });
    expect(reply.headers.get("trace-id")).toBe(id);
    expect(traces.reports()).toMatchObject([{ traceId: id, spans: [{ kind: "server" }, { kind: "client" }] }]);
  });

  test("is kept while it is one of the last hundred, with its last twenty spans", async () => {
    const { tracer } = tracing;
    for (let i = 0; i < 150; i += 1) tracer.startSpan(`call-${i}`).end();
    const reports = traces.reports();
    expect(reports).toHaveLength(100);
    expect(reports[0]!.spans[0]!.name).toBe("call-149");
    const id = "0af7651916cd43dd8448eb211c80319c";
    const url = await gateway();
    for (let i = 0; i < 15; i += 1) {
      await (await post(`${url}/stringsvc/count`, '{"s":"x"}', { traceparent: `00-${id}-b7ad6b7169203331-01` })).text();
    }
    expect(traces.reports()[0]).toMatchObject({ traceId: id });
    expect(traces.reports()[0]!.spans).toHaveLength(20);
  });
});
