import { background, KitError } from "@kit/endpoint";
import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { jwtSigner, jwtToken, remoteJwks, type RemoteJwksOptions } from "../src/index.ts";
import { ec, errorOf, parse, rsa } from "./tokens.ts";

vi.setConfig({ testTimeout: 60_000 });

/** For what comes by itself, however busy the machine is. */
const patience = { interval: 10, timeout: 30_000 };

const algorithms = ["ES256", "RS256"] as const;
const publish = (...kids: string[]): string =>
  JSON.stringify({
    keys: kids.map((kid) => ({ ...ec.publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "ES256" })),
  });

function tokenOf(kid: string): Promise<string> {
  const signer = jwtSigner({ key: ec.privateKey, algorithm: "ES256", kid, claims: { kid } });
  return signer(async (_request: unknown, ctx) => ctx.get(jwtToken)!)({}, background);
}

/** An issuer, whose answer each test sets. */
let answer: RequestListener;
let asked = 0;
let time = 0;
const sent = (body: string) => (_request: unknown, response: ServerResponse) => void response.end(body);
const server = createServer((request, response) => {
  asked += 1;
  answer(request, response);
});
let url: string;

beforeEach(async () => {
  [asked, time] = [0, 0];
  answer = sent(publish("k0"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

/** Verifies against the issuer, by a clock that only the test moves. */
function verifier(options: Partial<RemoteJwksOptions> = {}): (kid: string) => Promise<unknown> {
  const key = remoteJwks({ url, now: () => time, ...options });
  return async (kid) => parse({ key, algorithms }, await tokenOf(kid));
}

describe("remoteJwks", () => {
  it("fetches once for calls that come together, and not again while the keys are fresh", async () => {
    const verify = verifier();
    await Promise.all([verify("k0"), verify("k0"), verify("k0")]);
    time = 599_999;
    expect(await verify("k0")).toEqual({ kid: "k0" });
    expect(asked).toBe(1);
  });

  it("fetches nothing before it is needed, and sends the headers it was given", async () => {
    const seen: unknown[] = [];
    answer = (request, response) => {
      seen.push(request.headers["x-key"], request.headers.accept, request.url);
      response.end(publish("k0"));
    };
    const verify = verifier({ headers: { "x-key": "v" } });
    expect(asked).toBe(0);
    await verify("k0");
    expect(seen).toEqual(["v", "application/jwk-set+json, application/json", "/jwks.json"]);
  });

  it("follows a rotation: a kid that is new is looked for once the cooldown is over", async () => {
    const verify = verifier();
    await verify("k0");
    answer = sent(publish("k0", "k1"));
    time = 29_999;
    expect(await errorOf(verify("k1"))).toMatchObject({
      code: "unauthenticated",
      cause: { cause: { code: "ERR_JWKS_NO_MATCHING_KEY" } },
    });
    expect(asked).toBe(1);
    time = 30_000;
    expect(await Promise.all([verify("k1"), verify("k1"), verify("k0")])).toHaveLength(3);
    expect(asked).toBe(2);
  });

  it("asks the issuer once a cooldown, however many kids are invented", async () => {
    const verify = verifier();
    for (time = 0; time < 90_000; time += 1_000) {
      expect(await errorOf(verify(`invented-${time}`))).toMatchObject({ code: "unauthenticated" });
    }
    expect(asked).toBe(3);
  });

  it("refreshes old keys without making a call wait, and forgets those that were withdrawn", async () => {
    const verify = verifier();
    await verify("k0");
    let reply!: () => void;
    answer = (_request, response) => (reply = () => void response.end(publish("k1")));
    time = 600_000;
    expect(await verify("k0")).toEqual({ kid: "k0" });
    await vi.waitUntil(() => asked === 2, patience);
    reply();
    await vi.waitFor(
      async () => expect(await errorOf(verify("k0"))).toMatchObject({ code: "unauthenticated" }),
      patience,
    );
    expect(await verify("k1")).toEqual({ kid: "k1" });
    expect(asked).toBe(2);
  });

  it("fetches old keys anew before the cooldown is over, and makes calls wait where it may not use them", async () => {
    const verify = verifier({ cacheMs: 5_000, maxStaleMs: 0 });
    await verify("k0");
    answer = sent(publish("k1"));
    time = 5_000;
    expect(await errorOf(verify("k0"))).toMatchObject({ code: "unauthenticated" });
    expect(await verify("k1")).toEqual({ kid: "k1" });
    expect(asked).toBe(2);
  });

  it("keeps the last good keys through an outage, for as long as it was told", async () => {
    const heard = vi.fn<(error: unknown) => void>();
    const verify = verifier({ onError: heard });
    await verify("k0");
    answer = (_request, response) => void response.writeHead(503).end();
    time = 600_000;
    expect(await verify("k0")).toEqual({ kid: "k0" });
    await vi.waitUntil(() => heard.mock.calls.length === 1, patience);
    expect(heard.mock.lastCall?.[0]).toMatchObject({ message: "the key set came with status 503" });
    time = 4_199_999;
    expect(await verify("k0")).toEqual({ kid: "k0" });
    await vi.waitUntil(() => heard.mock.calls.length === 2, patience);
    time = 4_201_000;
    expect(await errorOf(verify("k0"))).toMatchObject({ code: "unavailable" });
    answer = sent(publish("k0"));
    time = 4_202_000;
    expect(await verify("k0")).toEqual({ kid: "k0" });
  });

  it("cannot tell, and says so, whether a new kid exists while the issuer is away", async () => {
    const verify = verifier();
    await verify("k0");
    answer = (request) => void request.socket.destroy();
    time = 30_000;
    expect(await errorOf(verify("k1"))).toMatchObject({
      code: "unavailable",
      message: "the keys for JWTs are not available",
    });
    expect(await verify("k0")).toEqual({ kid: "k0" });
  });

  it("tries again a second after a failure, not at each call", async () => {
    const heard = vi.fn<(error: unknown) => void>();
    answer = (request) => void request.socket.destroy();
    const verify = verifier({ onError: heard });
    for (time = 0; time < 3_000; time += 100)
      expect(await errorOf(verify("k0"))).toMatchObject({ code: "unavailable" });
    expect(heard).toHaveBeenCalledTimes(3);
    answer = sent(publish("k0"));
    expect(await verify("k0")).toEqual({ kid: "k0" });
  });

  it.each<[string, RequestListener]>([
    ["is no JSON", sent("<html>")],
    ["is no key set", sent('{"keys":{}}')],
    ["is a list", sent("[]")],
    ["has keys that are none", sent('{"keys":[1,null]}')],
    ["redirects", (_request, response) => void response.writeHead(302, { location: url }).end()],
    [
      "is cut off",
      (_request, response) =>
        void response.writeHead(200, { "content-length": 100 }).write("{", () => response.destroy()),
    ],
    ["is no HTTP", (request) => void request.socket.end("garbage\r\n\r\n")],
  ])("takes a set that %s for an outage, and tells the caller nothing of it", async (_what, listener) => {
    answer = listener;
    const error = await errorOf(verifier()("k0"));
    expect(error).toMatchObject({ code: "unavailable", message: "the keys for JWTs are not available" });
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("refuses tokens by keys that are unfit: private, shared, weak, for encryption, for another algorithm", async () => {
    const jwk = ec.publicKey.export({ format: "jwk" });
    const keys = [
      { ...ec.privateKey.export({ format: "jwk" }), kid: "private" },
      { kty: "oct", k: "c2VjcmV0", kid: "shared", alg: "ES256" },
      { ...jwk, x: "AA", kid: "weak" },
      { ...jwk, use: "enc", kid: "enc" },
      { ...rsa.publicKey.export({ format: "jwk" }), kid: "rsa" },
    ];
    answer = sent(JSON.stringify({ keys }));
    const verify = verifier();
    for (const { kid } of keys) expect(await errorOf(verify(kid))).toMatchObject({ code: "unauthenticated" });
  });

  it("reads no more of an endless set than it was told", async () => {
    let written = 0;
    let closed = false;
    answer = (_request, response) => {
      const piece = `{"keys":[${" ".repeat(8_192)}`;
      const more = (): void => {
        while (!response.destroyed && response.write(piece)) written += piece.length;
      };
      response.on("drain", more).on("close", () => (closed = true));
      more();
    };
    const heard = vi.fn<(error: unknown) => void>();
    expect(await errorOf(verifier({ maxBytes: 100_000, onError: heard })("k0"))).toMatchObject({ code: "unavailable" });
    expect(heard.mock.lastCall?.[0]).toMatchObject({ message: "the key set is longer than 100000 bytes" });
    await vi.waitUntil(() => closed, patience);
    // What the sockets of both sides hold comes on top.
    expect(written).toBeLessThan(20_000_000);
  });

  it.each<[string, RequestListener]>([
    ["never answers", () => {}],
    ["never ends", (_request, response) => void response.write('{"keys":[')],
  ])("gives up on an issuer that %s, and closes the connection", async (_what, listener) => {
    let closed = false;
    answer = (request, response) => {
      response.on("close", () => (closed = true));
      listener(request, response);
    };
    const error = await errorOf(verifier({ timeoutMs: 50 })("k0"));
    expect(error).toMatchObject({ code: "unavailable", cause: { message: "no key set within 50 ms" } });
    await vi.waitUntil(() => closed, patience);
  });

  it("does not make a call wait that has ended", async () => {
    answer = () => {};
    const key = remoteJwks({ url });
    const ctx = background.withCancel();
    const call = parse({ key, algorithms }, await tokenOf("k0"), ctx);
    await vi.waitUntil(() => asked === 1, patience);
    const cause = new KitError("canceled", "the caller left");
    ctx.cancel(cause);
    expect(await errorOf(call)).toBe(cause);
  });

  it("goes on when the hook for errors throws", async () => {
    answer = (request) => void request.socket.destroy();
    const verify = verifier({
      onError: () => {
        throw new Error("hook");
      },
    });
    expect(await errorOf(verify("k0"))).toMatchObject({ code: "unavailable" });
    answer = sent(publish("k0"));
    time = 1_000;
    expect(await verify("k0")).toEqual({ kid: "k0" });
  });

  it.each<[Partial<RemoteJwksOptions>, string]>([
    [{ url: "issuer.example/jwks" }, 'url must be an address of http or https, got "issuer.example/jwks"'],
    [{ url: "file:///etc/keys" }, 'url must be an address of http or https, got "file:///etc/keys"'],
    [{ cacheMs: -1 }, "cacheMs must not be negative, got -1"],
    [{ maxStaleMs: Number.NaN }, "maxStaleMs must not be negative, got NaN"],
    [{ cooldownMs: -1 }, "cooldownMs must not be negative, got -1"],
    [{ timeoutMs: 0 }, "timeoutMs must be a positive number, got 0"],
    [{ maxBytes: 0 }, "maxBytes must be a positive number, got 0"],
  ])("refuses %o by name", (options, message) => {
    expect(() => remoteJwks({ url, ...options })).toThrow(new TypeError(`remoteJwks: ${message}`));
  });
});
