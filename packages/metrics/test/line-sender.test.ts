import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { lineSender, type LineSenderOptions } from "../src/push.ts";

vi.setConfig({ testTimeout: 30_000 });

function senderTo(options: LineSenderOptions) {
  const errors: string[] = [];
  let lost = 0;
  const onError = ({ message }: Error) => errors.push(message);
  const sender = lineSender("test", { onError, ...options }, (lines) => void (lost += lines));
  return { sender, errors, lost: () => lost };
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe("lineSender", () => {
  it("ends each line in a newline, in datagrams up to maxDatagramBytes", async () => {
    const daemon = createSocket("udp4");
    const datagrams: string[] = [];
    daemon.on("message", (message) => datagrams.push(message.toString())).bind(0, "127.0.0.1");
    await once(daemon, "listening");
    const { sender } = senderTo({ port: daemon.address().port, maxDatagramBytes: 8 });
    for (const line of ["a:1", "b:2", "c:3"]) expect(sender.send(line)).toBe(true);
    sender.flush();
    await vi.waitUntil(() => datagrams.length === 2);
    expect(datagrams).toEqual(["a:1\nb:2\n", "c:3\n"]);
    await sender.close();
    daemon.close();
  });

  it("sends lines in one stream over TCP", async () => {
    let text = "";
    const server = createServer((socket) => socket.on("data", (part) => (text += part.toString())));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { sender, errors, lost } = senderTo({ protocol: "tcp", port: (server.address() as AddressInfo).port });
    for (const line of ["a:1", "b:2", "c:3"]) expect(sender.send(line)).toBe(true);
    await sender.close();
    server.close();
    await once(server, "close");
    expect(text).toBe("a:1\nb:2\nc:3\n");
    expect([errors, lost()]).toEqual([[], 0]);
  });

  it("says what finds no room, why lines cannot be sent, and what is left at close", async () => {
    const { sender, errors, lost } = senderTo({ protocol: "tcp", port: await freePort(), maxQueueBytes: 1000 });
    const taken = Array.from({ length: 10_000 }, () => sender.send("123456789")).filter(Boolean);
    sender.flush();
    expect(taken).toHaveLength(100);
    await vi.waitUntil(() => errors.length > 0);
    expect(sender.send("123456789")).toBe(false);
    await Promise.all([sender.close(), sender.close()]);
    expect(sender.send("a:1")).toBe(false);
    expect(lost()).toBe(100);
    expect(errors).toEqual([expect.stringContaining("ECONNREFUSED"), "test: closed with 100 lines unsent"]);
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
