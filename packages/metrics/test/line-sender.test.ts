import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { lineSender, type LineSenderOptions } from "../src/push.ts";

vi.setConfig({ testTimeout: 30_000 });

/** A UDP backend that keeps what it gets. */
async function udpBackend() {
  const socket = createSocket("udp4");
  const datagrams: string[] = [];
  socket.on("message", (message) => datagrams.push(message.toString()));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { port: socket.address().port, datagrams, [Symbol.dispose]: () => void socket.close() };
}

/** A TCP backend that keeps what it gets and can be cut off. */
async function tcpBackend(port = 0) {
  const sockets = new Set<Socket>();
  let text = "";
  const server: Server = createServer((socket) => {
    sockets.add(socket.setEncoding("utf8"));
    socket.on("data", (part: string) => (text += part)).on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const end = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port: (server.address() as AddressInfo).port,
    get text() {
      return text;
    },
    sockets,
    end,
    async [Symbol.asyncDispose]() {
      if (server.listening) await end();
    },
  };
}

function senderTo(options: LineSenderOptions) {
  const lost: number[] = [];
  const errors: string[] = [];
  const sender = lineSender("test", { onError: ({ message }) => errors.push(message), ...options }, (lines) =>
    lost.push(lines),
  );
  const total = (): number => lost.reduce((sum, lines) => sum + lines, 0);
  return { sender, errors, total };
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  await using backend = await tcpBackend();
  return backend.port;
}

describe("lineSender over UDP", () => {
  it("packs lines into datagrams up to their size, and sends one that is longer alone", async () => {
    using backend = await udpBackend();
    const { sender } = senderTo({ port: backend.port, maxDatagramBytes: 8 });
    for (const line of ["a:1", "b:2", "ü:3", "much too long", "c\nd"]) expect(sender.send(line)).toBe(true);
    sender.flush();
    await vi.waitUntil(() => backend.datagrams.length === 4);
    expect(backend.datagrams).toEqual(["a:1\nb:2\n", "ü:3\n", "much too long\n", "c\nd\n"]);
    await sender.close();
  });

  it("sends a full datagram without waiting for a flush, and the rest at close", async () => {
    using backend = await udpBackend();
    const { sender, total } = senderTo({ port: backend.port, maxDatagramBytes: 4 });
    sender.send("a:1");
    sender.send("b:2");
    await vi.waitUntil(() => backend.datagrams.length === 1);
    await sender.close();
    await vi.waitUntil(() => backend.datagrams.length === 2);
    expect(total()).toBe(0);
  });

  it("counts what nobody got, says so once, and goes on when somebody listens again", async () => {
    const first = await udpBackend();
    const { port } = first;
    first[Symbol.dispose]();
    const { sender, errors, total } = senderTo({ port });
    await vi.waitUntil(() => {
      sender.send("a:1");
      sender.flush();
      return total() >= 2;
    });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain("ECONNREFUSED");
    const socket = createSocket("udp4").bind(port, "127.0.0.1");
    const heard = once(socket, "message");
    const again = setInterval(() => {
      sender.send("b:2");
      sender.flush();
    }, 20);
    await heard;
    clearInterval(again);
    socket.close();
    await sender.close();
  });

  it("counts what it cannot send for want of an address", async () => {
    const { sender, errors, total } = senderTo({ host: "nobody.invalid", port: 1 });
    sender.send("a:1");
    await sender.close();
    expect(total()).toBe(1);
    expect(errors.at(-1)).toContain("test: closed with 1 lines unsent");
  });
});

describe("lineSender over TCP", () => {
  it("sends all lines in order and leaves no connection behind", async () => {
    await using backend = await tcpBackend();
    const { sender, errors, total } = senderTo({ protocol: "tcp", port: backend.port });
    const lines = Array.from({ length: 10_000 }, (_, n) => `line:${n}`);
    for (const line of lines) expect(sender.send(line)).toBe(true);
    await sender.close();
    await vi.waitUntil(() => backend.sockets.size === 0);
    expect(backend.text).toBe(`${lines.join("\n")}\n`);
    expect([total(), errors]).toEqual([0, []]);
  });

  it("keeps lines for a backend that is away, and connects again when it is back", async () => {
    const backend = await tcpBackend();
    const { port } = backend;
    const { sender, errors } = senderTo({ protocol: "tcp", port });
    sender.send("before:1");
    sender.flush();
    await vi.waitUntil(() => backend.text === "before:1\n");
    await backend.end();
    await vi.waitUntil(() => errors.length > 0);
    sender.send("between:2");
    sender.flush();
    await using second = await tcpBackend(port);
    await vi.waitUntil(() => second.text !== "", { timeout: 20_000 });
    await sender.close();
    expect(second.text).toBe("between:2\n");
    expect(errors[0]).toMatch(/closed by the other side|ECONNRESET/);
  });

  it("takes no more than maxQueueBytes while nobody is there, and never waits", async () => {
    const { sender, errors, total } = senderTo({ protocol: "tcp", port: await freePort(), maxQueueBytes: 1000 });
    const taken = Array.from({ length: 10_000 }, () => sender.send("123456789")).filter(Boolean);
    sender.flush();
    expect(taken).toHaveLength(100);
    await vi.waitUntil(() => errors.length > 0);
    expect(sender.send("123456789")).toBe(false);
    await sender.close();
    expect(total()).toBe(100);
    expect(errors).toEqual([expect.stringContaining("ECONNREFUSED"), "test: closed with 100 lines unsent"]);
  });

  it("stays within maxQueueBytes when the backend does not read, and close gives up", async () => {
    await using backend = await tcpBackend();
    const { sender, total } = senderTo({
      protocol: "tcp",
      port: backend.port,
      maxQueueBytes: 1_000_000,
      closeTimeoutMs: 50,
    });
    sender.send("x");
    sender.flush();
    await vi.waitUntil(() => backend.sockets.size === 1);
    for (const socket of backend.sockets) socket.pause();
    const line = "y".repeat(999);
    let taken = 0;
    // More than the kernel's buffers and the queue hold together.
    await vi.waitUntil(
      () => {
        for (let i = 0; i < 1000; i++) {
          if (!sender.send(line)) return i === 0;
          taken++;
        }
        return false;
      },
      { timeout: 20_000, interval: 100 },
    );
    expect(taken).toBeGreaterThanOrEqual(1000);
    await sender.close();
    expect(total()).toBeGreaterThan(900);
    expect(total()).toBeLessThanOrEqual(1000);
  });

  it("does not mind what the backend says", async () => {
    await using backend = await tcpBackend();
    const { sender, errors } = senderTo({ protocol: "tcp", port: backend.port });
    sender.send("a:1");
    sender.flush();
    await vi.waitUntil(() => backend.sockets.size === 1);
    for (const socket of backend.sockets) socket.write("\0garbage\n".repeat(1000));
    sender.send("b:2");
    await sender.close();
    await vi.waitUntil(() => backend.text === "a:1\nb:2\n");
    expect(errors).toEqual([]);
  });
});

describe("lineSender", () => {
  it("takes nothing after close, which may be called again", async () => {
    using backend = await udpBackend();
    const { sender, total } = senderTo({ port: backend.port });
    await sender.close();
    await sender.close();
    expect(sender.send("a:1")).toBe(false);
    sender.flush();
    expect([backend.datagrams, total()]).toEqual([[], 0]);
  });

  it.each<[string, object, string]>([
    ["protocol", { protocol: "http" }, 'test: protocol must be "udp" or "tcp", got http'],
    ["host", { host: "" }, "test: host must be a string that is not empty"],
    ["port", { port: 0 }, "test: port must be an integer from 1 to 65535, got 0"],
    ["maxDatagramBytes", { maxDatagramBytes: 65_508 }, "test: maxDatagramBytes must be an integer from 1 to 65507"],
    ["maxQueueBytes", { maxQueueBytes: 0 }, "test: maxQueueBytes must be an integer from 1 to 2^30, got 0"],
    ["closeTimeoutMs", { closeTimeoutMs: -1 }, "test: closeTimeoutMs must be an integer from 0 to 2147483647, got -1"],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = () => lineSender("test", { port: 1, ...options }, () => {});
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});
