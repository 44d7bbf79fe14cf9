import { background } from "@kit/endpoint";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { connectThrift, drainThrift, serveThrift } from "../src/index.ts";
import { Add, serveAdd } from "./add.ts";
import { serving } from "./serving.ts";
import { binary, framed, sumArgs, type, wire } from "./wire.ts";

/** A server whose answers wait until the test gives them. */
async function slow() {
  const waiting: (() => void)[] = [];
  const handler = serveThrift(Add, {
    Sum: ({ a }) => new Promise((resolve) => void waiting.push(() => resolve({ value: a, err: "" }))),
    Concat: async ({ a, b }) => ({ value: a + b, err: "" }),
  });
  const asked = (count: number): Promise<boolean> =>
    vi.waitUntil(() => waiting.length >= count, { timeout: 10_000, interval: 1 });
  return { ...(await serving(handler)), handler, waiting, asked };
}

const opened = (port: number): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve("connected"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code!));
  });

describe("drainThrift", () => {
  it("lets calls in hand finish, sends their replies, then resolves true", async () => {
    const { server, address, port, waiting, asked } = await slow();
    await using client = connectThrift(Add, { address });
    const calls = [1, 2].map((a) => client.Sum({ a, b: 0 }, background));
    await asked(2);
    const drained = drainThrift(server);
    expect(await opened(port)).toBe("ECONNREFUSED");
    for (const answer of waiting) answer();
    expect((await Promise.all(calls)).map(({ value }) => value)).toEqual([1, 2]);
    expect(await drained).toBe(true);
  });

  it("begins no call that comes meanwhile, and its caller hears of the end", async () => {
    const { server, address, waiting, asked } = await slow();
    await using client = connectThrift(Add, { address });
    const call = client.Sum({ a: 1, b: 0 }, background);
    await asked(1);
    const drained = drainThrift(server);
    const late = client.Sum({ a: 2, b: 0 }, background).catch((error) => error);
    // The late call is on its way before the first is answered.
    await new Promise((resolve) => void setImmediate(resolve));
    waiting[0]!();
    expect((await call).value).toBe(1);
    expect(await late).toMatchObject({ code: "unavailable" });
    expect(await drained).toBe(true);
    expect(waiting).toHaveLength(1);
  });

  it("closes what is idle at once", async () => {
    const { server, address, port } = await slow();
    await using client = connectThrift(Add, { address });
    expect((await client.Concat({ a: "a", b: "b" }, background)).value).toBe("ab");
    const peer = await wire(port);
    // Long before its time is up, which would make it false.
    expect(await drainThrift(server, { timeoutMs: 3_600_000 })).toBe(true);
    expect(await peer.all()).toHaveLength(0);
  });

  it("cancels what remains when the time is up, tells its callers, and resolves false", async () => {
    const { server, address, asked } = await slow();
    await using client = connectThrift(Add, { address });
    const call = client.Sum({ a: 1, b: 0 }, background).catch((error) => error);
    await asked(1);
    expect(await drainThrift(server, { timeoutMs: 30 })).toBe(false);
    expect(await call).toMatchObject({ code: "unavailable", message: "the server stops" });
  });

  it("does not wait for ever for a peer that reads nothing", async () => {
    const { server, port, waiting, asked } = await slow();
    const peer = await wire(port);
    peer.send(framed(binary("Sum", type.call, 1, sumArgs(1, 2))));
    await asked(1);
    peer.socket.pause();
    const drained = drainThrift(server);
    waiting[0]!();
    expect(await drained).toBe(true);
  });

  it("may be called again, while it drains and later", async () => {
    const { server, address, waiting, asked } = await slow();
    await using client = connectThrift(Add, { address });
    const call = client.Sum({ a: 1, b: 0 }, background);
    await asked(1);
    const drained = [drainThrift(server), drainThrift(server)];
    waiting[0]!();
    expect(await Promise.all(drained)).toEqual([true, true]);
    expect(await drainThrift(server)).toBe(true);
    expect((await call).value).toBe(1);
  });

  it("has nothing to do for a server that never listened, and takes servers with and without TLS", async () => {
    expect(await drainThrift(createServer(serveAdd()))).toBe(true);
    expect(await drainThrift(createTlsServer({}, serveAdd()))).toBe(true);
    expectTypeOf(createTlsServer).toBeCallableWith({}, serveAdd());
  });

  it("leaves a server that goes on to its owner when only the handler is disposed", async () => {
    const handler = serveAdd();
    const { server, port } = await serving(handler);
    await handler[Symbol.asyncDispose]();
    expect(server.listening).toBe(true);
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    await once(socket, "close");
  });
});
