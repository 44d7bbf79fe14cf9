import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { DgramSocket } from "node-unix-socket";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type LinkOptions, linkTo, octetCounting, unframed } from "../src/index.ts";
import { eventually, freePort, senderTo, streamDaemon, tcpDaemon, udpDaemon } from "./daemon.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A path in a folder that is gone with the test. */
async function unixPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "line-sender-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return join(directory, "log");
}

const to = (options: LinkOptions) => ({ link: linkTo("test", options) });
const numbers = Array.from({ length: 100_000 }, (_, n) => `${n}`);

describe("lines over UDP", () => {
  it("let other work go on when they are many", async () => {
    using daemon = await udpDaemon();
    const { sender, told } = senderTo({
      ...to({ port: daemon.port }),
      frame: unframed,
      packetBytes: 0,
      closeTimeoutMs: 50_000,
    });
    for (const line of numbers) sender.send(line);
    let turns = 0;
    let over = false;
    const turn = (): void => {
      turns++;
      if (!over) setImmediate(turn);
    };
    turn();
    await sender.close();
    over = true;
    expect(turns).toBeGreaterThan(1000);
    expect(told.lost).toBe(0);
  });

  it("are counted when nobody gets them, told of once, and go on when somebody listens again", async () => {
    const port = await freePort();
    const { put, sender, told } = senderTo({ ...to({ port }), packetBytes: 0 });
    for (let n = 1; n <= 10; n++) put(`${n}`);
    await eventually(() => told.lost > 0);
    expect(told.errors).toMatchObject([{ code: "ECONNREFUSED" }]);
    using daemon = await udpDaemon(port);
    await eventually(() => daemon.datagrams.length > 0);
    await sender.close();
    await eventually(() => daemon.datagrams.length + told.lost === 10);
    expect(daemon.datagrams.at(-1)).toBe("10\n");
  });

  it("wait for an address that can be connected to", async () => {
    const { put, sender, told } = senderTo({ ...to({ host: "255.255.255.255", port: 1 }), closeTimeoutMs: 10 });
    put("a");
    await eventually(() => told.errors.length === 1);
    expect(told.errors[0]!.code).toMatch(/^E(ACCES|NETUNREACH)$/);
    await sender.close();
    expect(told).toMatchObject({ lost: 1, left: 1 });
  });

  it("that are longer than a datagram can be are lost, and no others", async () => {
    using daemon = await udpDaemon();
    const { put, sender, told } = senderTo({ ...to({ port: daemon.port }), closeTimeoutMs: 50_000 });
    put("x".repeat(65_508));
    put("short");
    await sender.close();
    await eventually(() => daemon.datagrams.length === 1);
    expect(daemon.datagrams).toEqual(["short\n"]);
    expect(told).toMatchObject({ errors: [{ code: "EMSGSIZE" }], lost: 1 });
  });
});

describe("lines over TCP", () => {
  it("all arrive in order, and leave no connection behind", async () => {
    await using daemon = await tcpDaemon();
    const { sender, told } = senderTo({ ...to({ protocol: "tcp", port: daemon.port }), closeTimeoutMs: 50_000 });
    for (const line of numbers) expect(sender.send(line)).toBe(true);
    await sender.close();
    await eventually(() => daemon.sockets.size === 0);
    expect(daemon.text()).toBe(`${numbers.join("\n")}\n`);
    expect(told).toEqual({ errors: [], full: [], lost: 0, left: 0 });
  });

  it("wait for a daemon that is away, and go when it is there (go-kit TestIssue292)", async () => {
    const port = await freePort();
    const { put, sender, told } = senderTo({ ...to({ protocol: "tcp", port }), closeTimeoutMs: 50_000 });
    put("a");
    await eventually(() => told.errors.length === 1);
    put("b");
    const closed = sender.close();
    await using daemon = await tcpDaemon(port);
    await closed;
    await eventually(() => daemon.sockets.size === 0);
    expect(daemon.text()).toBe("a\nb\n");
    expect(told).toMatchObject({ errors: [{ code: "ECONNREFUSED" }], lost: 0 });
  });

  it("go over another connection when the daemon has hung up (go-kit TestManager)", async () => {
    await using daemon = await tcpDaemon();
    const { put, sender, told } = senderTo(to({ protocol: "tcp", port: daemon.port }));
    put("a");
    await eventually(() => daemon.text() === "a\n");
    for (const socket of daemon.sockets) socket.end();
    await eventually(() => told.errors.length === 1);
    put("b");
    await eventually(() => daemon.text() === "a\nb\n");
    await sender.close();
    expect(told.errors).toMatchObject([
      { code: "unavailable", message: "the connection was closed by the other side" },
    ]);
  });

  it.each<[string, (socket: Socket) => void]>([
    ["as soon as it is made", (socket) => socket.resetAndDestroy()],
    ["by its first bytes", (socket) => socket.once("data", () => socket.resetAndDestroy())],
  ])("are all counted as lost when each connection is reset %s", async (_, onConnection) => {
    vi.spyOn(performance, "now").mockReturnValue(0);
    await using daemon = await tcpDaemon(0, onConnection);
    const { sender, told } = senderTo(to({ protocol: "tcp", port: daemon.port }));
    for (const line of numbers) sender.send(line);
    sender.flush();
    await eventually(() => told.errors.length > 0);
    await sender.close();
    vi.restoreAllMocks();
    expect(told.lost).toBe(numbers.length);
    expect(daemon.sockets.size).toBeLessThanOrEqual(1);
  });

  it("stay within maxQueueBytes when the daemon does not read, and close gives up", async () => {
    await using daemon = await tcpDaemon(0, (socket) => socket.pause());
    const { put, sender, told } = senderTo({
      ...to({ protocol: "tcp", port: daemon.port }),
      maxQueueBytes: 1_000_000,
      closeTimeoutMs: 50,
    });
    const line = "y".repeat(999);
    put(line);
    await eventually(() => daemon.sockets.size === 1);
    // More than the kernel's buffers and the queue hold together.
    await vi.waitUntil(
      () => {
        for (let n = 0; n < 1000; n++) if (!put(line)) return n === 0;
        return false;
      },
      { timeout: 50_000, interval: 100 },
    );
    await sender.close();
    expect(told.left).toBeGreaterThan(900);
    expect(told.left).toBeLessThanOrEqual(1000);
    expect(told.lost).toBe(told.left);
  });

  it("do not mind what the daemon says", async () => {
    await using daemon = await tcpDaemon(0, (socket) => socket.write("\0garbage\n".repeat(10_000)));
    const { put, sender, told } = senderTo({
      ...to({ protocol: "tcp", port: daemon.port }),
      closeTimeoutMs: 1_000_000,
    });
    put("a");
    await eventually(() => daemon.sockets.size === 1);
    put("b");
    await sender.close();
    await eventually(() => daemon.text() === "a\nb\n");
    expect(told.errors).toEqual([]);
  });
});

describe.each(["udp", "tcp"] as const)("lines to a name that nobody has, over %s", (protocol) => {
  it("are not waited for longer than closeTimeoutMs", async () => {
    const { put, sender, told } = senderTo({
      ...to({ protocol, host: "nobody.invalid", port: 1 }),
      closeTimeoutMs: 10,
    });
    put("a");
    await sender.close();
    expect(told).toMatchObject({ lost: 1, left: 1 });
  });
});

describe("lines over TLS", () => {
  it("arrive, and close waits for the end", async () => {
    const psk = Buffer.alloc(32, "secret");
    const shared = { ciphers: "PSK-AES128-GCM-SHA256:@SECLEVEL=0", maxVersion: "TLSv1.2" } as const;
    const server = createTlsServer({ ...shared, pskCallback: () => psk });
    let text = "";
    server.on("secureConnection", (socket) => socket.setEncoding("utf8").on("data", (part: string) => (text += part)));
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const tls = {
      ...shared,
      pskCallback: () => ({ psk, identity: "kit" }),
      checkServerIdentity: () => undefined,
    };
    const { sender, told } = senderTo({
      ...to({ protocol: "tls", port, tls }),
      frame: octetCounting,
      closeTimeoutMs: 50_000,
    });
    sender.send("thrée");
    sender.send("b");
    await sender.close();
    await eventually(() => text === "6 thrée1 b");
    expect(told.errors).toEqual([]);
    server.close();
  });

  it("are not sent to a peer that accepts and says nothing, which is given up after 10 s", async () => {
    let accept = (): void => {};
    const accepted = new Promise<void>((resolve) => (accept = resolve));
    await using daemon = await tcpDaemon(0, accept);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { put, sender, told } = senderTo({ ...to({ protocol: "tls", port: daemon.port }), closeTimeoutMs: 0 });
    put("a");
    await accepted;
    vi.advanceTimersByTime(9_999);
    expect(told.errors).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told.errors).toMatchObject([{ code: "deadline_exceeded", message: "the connection took too long" }]);
    vi.useRealTimers();
    await eventually(() => daemon.sockets.size === 0);
    await sender.close();
  });

  it("to what is no TLS server are left, and counted", async () => {
    await using daemon = await tcpDaemon(0, (socket) => socket.end("220 smtp.example.com\r\n"));
    const { put, sender, told } = senderTo({ ...to({ protocol: "tls", port: daemon.port }), closeTimeoutMs: 300 });
    put("a");
    await sender.close();
    expect(told).toMatchObject({ lost: 1, left: 1 });
    expect(told.errors).toHaveLength(1);
  });
});

describe("lines over a unix socket", () => {
  it("arrive", async () => {
    const path = await unixPath();
    const daemon = await streamDaemon({ path });
    const { sender, told } = senderTo(to({ protocol: "unix", path }));
    sender.send("a");
    await sender.close();
    await eventually(() => daemon.text() === "a\n");
    expect(told.errors).toEqual([]);
    await daemon.end();
  });

  it("arrive as datagrams, but for one that is too long", async () => {
    const path = await unixPath();
    const unixDgram = () => new DgramSocket();
    const { put, sender, told } = senderTo({
      ...to({ protocol: "unix-dgram", path, unixDgram }),
      closeTimeoutMs: 50_000,
    });
    put("nobody is there yet");
    await eventually(() => told.errors.length === 1);
    const got: string[] = [];
    const daemon = new DgramSocket();
    daemon.on("data", (bytes: Buffer) => got.push(bytes.toString()));
    daemon.bind(path);
    await eventually(() => got.length === 1);
    put("x".repeat(1_000_000));
    put("short");
    await sender.close();
    await eventually(() => got.length === 2);
    daemon.close();
    expect(got).toEqual(["nobody is there yet\n", "short\n"]);
    expect(told).toMatchObject({ lost: 1, left: 0 });
  });
});

describe("a socket for unix datagrams", () => {
  it("is open only while there is something to send, and made anew after it failed", async () => {
    let [made, closed] = [0, 0];
    let refuse = true;
    const sent: string[] = [];
    const unixDgram = () => {
      if (++made === 2) throw new Error("no socket");
      return {
        sendTo(bytes: Buffer, offset: number, length: number, path: string, done: (error?: Error) => void) {
          if (!refuse) sent.push(`${path} ${bytes.toString("utf8", offset, length)}`);
          done(refuse ? new Error("No such file or directory") : undefined);
        },
        close: () => void closed++,
      };
    };
    const { put, sender, told } = senderTo({
      ...to({ protocol: "unix-dgram", path: "/dev/log", unixDgram }),
      frame: unframed,
      packetBytes: 0,
    });
    put("a");
    put("b");
    await eventually(() => made === 2);
    refuse = false;
    await eventually(() => closed === 2);
    expect(sent).toEqual(["/dev/log a", "/dev/log b"]);
    expect([made, told.lost, told.errors.length]).toEqual([3, 0, 1]);
    put("c");
    await sender.close();
    expect([made, closed, sent.length]).toEqual([4, 3, 3]);
  });

  it("is closed when its receiver has no room, and each line tried again until there is some", async () => {
    let room = 0;
    let closed = 0;
    const sent: string[] = [];
    const late: (() => void)[] = [];
    const unixDgram = () => ({
      sendTo(bytes: Buffer, _offset: number, _length: number, _path: string, done: () => void) {
        if (room-- <= 0) late.push(done);
        else {
          sent.push(bytes.toString());
          done();
        }
      },
      // It may say at its end that what it was given has not gone.
      close() {
        closed++;
        for (const done of late.splice(0)) done();
      },
    });
    const { sender, told } = senderTo({
      ...to({ protocol: "unix-dgram", path: "/dev/log", unixDgram }),
      frame: unframed,
      packetBytes: 0,
      closeTimeoutMs: 50_000,
    });
    const lines = numbers.slice(0, 1000);
    for (const line of lines) sender.send(line);
    sender.flush();
    await eventually(() => closed > 2);
    room = 500;
    await eventually(() => sent.length === 500);
    const end = sender.close();
    room = Number.POSITIVE_INFINITY;
    await end;
    expect(sent).toEqual(lines);
    expect(told).toEqual({ errors: [], full: [], lost: 0, left: 0 });
  });
});

describe("linkTo", () => {
  it.each<LinkOptions["protocol"]>(["udp", "tcp", "tls"])("does not keep the process alive by %s", async (protocol) => {
    await using daemon = await tcpDaemon();
    const index = fileURLToPath(new URL("../dist/index.js", import.meta.url));
    const script = `
      import { lineSender, linkTo } from ${JSON.stringify(index)};
      const sender = lineSender("a", { link: linkTo("a", { protocol: "${protocol}", port: ${daemon.port} }) });
      sender.send("m");
      sender.flush();
      setTimeout(() => console.log("over"), 300);
    `;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 50_000,
    });
    expect([stdout, status]).toEqual(["over\n", 0]);
  });

  it("names the way", () => {
    const unixDgram = (): never => {
      throw new Error("not yet");
    };
    const names = (["udp", "tcp", "tls", "unix", "unix-dgram"] as const).map(
      (protocol) => linkTo("test", { protocol, host: "::1", port: 514, path: "/dev/log", unixDgram }).name,
    );
    expect(names).toEqual(["udp ::1:514", "tcp ::1:514", "tls ::1:514", "unix /dev/log", "unix-dgram /dev/log"]);
  });

  it.each<[string, object, string]>([
    ["protocol", { protocol: "http" }, "test: protocol must be udp, tcp, tls, unix or unix-dgram, got http"],
    ["host", { host: "" }, "test: host must be a string that is not empty, got "],
    ["port", { port: 0 }, "test: port must be an integer from 1 to 65535, got 0"],
    ["port", { port: undefined }, "test: port must be an integer from 1 to 65535, got undefined"],
    ["port", { protocol: "unix", path: "/dev/log", port: -1 }, "test: port must be an integer from 1 to 65535, got -1"],
    ["path", { path: "" }, "test: path must be a string that is not empty, got "],
    ["path", { protocol: "unix" }, "test: path must be a string that is not empty, got undefined"],
    ["tls", { protocol: "tls", tls: { key: "no key" } }, "test: tls must be what tls.connect takes, got "],
    [
      "unixDgram",
      { protocol: "unix-dgram", path: "/dev/log" },
      "test: unixDgram must be a function for this protocol, got undefined",
    ],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = () => linkTo("test", { port: 1, ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});
