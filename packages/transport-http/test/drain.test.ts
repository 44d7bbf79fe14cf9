import { background } from "@kit/endpoint";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect } from "node:net";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { drainHttp, httpClient, httpHandler } from "../src/index.ts";
import { portOf, serving } from "./serving.ts";
import { parsed, request, wire } from "./wire.ts";

/** A server whose answers wait until the test gives them. */
async function slow() {
  const waiting: (() => void)[] = [];
  const handler = httpHandler(() => new Promise((resolve) => void waiting.push(() => resolve("done"))));
  const asked = (count: number): Promise<boolean> =>
    vi.waitUntil(() => waiting.length >= count, { timeout: 5_000, interval: 1 });
  return { ...(await serving(handler)), waiting, asked };
}

const open = (port: number): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve("connected"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code!));
  });

describe("drainHttp", () => {
  it("lets calls in flight finish, then resolves true", async () => {
    const { server, port, waiting, asked } = await slow();
    const callers = await Promise.all([wire(port), wire(port)]);
    for (const caller of callers) caller.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    await asked(2);
    const drained = drainHttp(server);
    const order: string[] = [];
    void drained.then(() => order.push("drained"));
    waiting[0]!();
    await Promise.race(callers.map((caller) => caller.until(/"done"$/)));
    order.push("one answered");
    waiting[1]!();
    expect(await drained).toBe(true);
    expect(order).toEqual(["one answered", "drained"]);
    for (const caller of callers) expect(parsed(await caller.all())).toEqual({ status: 200, body: '"done"' });
  });

  it("takes no new connection", async () => {
    const { server, port, waiting, asked } = await slow();
    const caller = await wire(port);
    caller.send(request("GET /"));
    await asked(1);
    const drained = drainHttp(server);
    expect(await open(port)).toBe("ECONNREFUSED");
    waiting[0]!();
    expect(await drained).toBe(true);
    expect(await open(port)).toBe("ECONNREFUSED");
  });

  it("closes what is idle at once, however long it would be kept", async () => {
    const { server, url, port } = await serving(
      httpHandler(async () => 1),
      { keepAliveTimeout: 3_600_000 },
    );
    await using client = httpClient({ url });
    await Promise.all([client({}, background), client({}, background)]);
    const caller = await wire(port);
    caller.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    await caller.until(/\r\n\r\n1$/);
    // Long before its time is up, which would make it false.
    expect(await drainHttp(server)).toBe(true);
    await caller.all();
  });

  it("closes a connection that has become idle meanwhile", async () => {
    const { server, port, waiting, asked } = await slow();
    const [first, second] = await Promise.all([wire(port), wire(port)]);
    for (const caller of [first, second]) caller.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    await asked(2);
    const drained = drainHttp(server);
    for (const answer of waiting) answer();
    await Promise.all([first.all(), second.all()]);
    expect(await drained).toBe(true);
  });

  it("closes a connection on which nothing has come", async () => {
    const { server, port, waiting, asked } = await slow();
    const [silent, caller] = [await wire(port), await wire(port)];
    caller.send(request("GET /"));
    await asked(1);
    const drained = drainHttp(server, { timeoutMs: 60_000 });
    expect(await silent.all()).toBe("");
    waiting[0]!();
    expect(await drained).toBe(true);
    expect(parsed(await caller.all()).status).toBe(200);
  });

  it("cuts what remains when the time is up, and resolves false", async () => {
    const { server, port, asked } = await slow();
    const caller = await wire(port);
    caller.send(request("GET /"));
    await asked(1);
    expect(await drainHttp(server, { timeoutMs: 40 })).toBe(false);
    expect(await caller.all()).toBe("");
  });

  it("may be called again, while it drains and later", async () => {
    const { server, port, waiting, asked } = await slow();
    const caller = await wire(port);
    caller.send(request("GET /"));
    await asked(1);
    const drained = [drainHttp(server), drainHttp(server)];
    waiting[0]!();
    expect(await Promise.all(drained)).toEqual([true, true]);
    expect(await drainHttp(server)).toBe(true);
  });

  it("has nothing to do for a server that never listened", async () => {
    expect(await drainHttp(createServer())).toBe(true);
  });

  it("drains a server that listens again", async () => {
    const server = createServer(httpHandler(async () => 1));
    for (let n = 0; n < 2; n++) {
      await once(server.listen(0, "127.0.0.1"), "listening");
      const caller = await wire(portOf(server));
      caller.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
      await caller.until(/\r\n\r\n1$/);
      expect(await drainHttp(server)).toBe(true);
    }
  });

  it("leaves no timer behind", async () => {
    const { server } = await serving(httpHandler(async () => 1));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
    try {
      const before = vi.getTimerCount();
      const drained = drainHttp(server, { timeoutMs: 60_000 });
      expect(vi.getTimerCount()).toBe(before + 2);
      await drained;
      expect(vi.getTimerCount()).toBe(before);
    } finally {
      vi.useRealTimers();
    }
  });

  it("takes servers with and without TLS", () => {
    expectTypeOf(drainHttp).toBeCallableWith(createServer());
    expectTypeOf(drainHttp).toBeCallableWith(createSecureServer());
  });
});
