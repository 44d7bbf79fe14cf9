import { defineService } from "@kit/service";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  amqpClient,
  amqpConnection,
  type AmqpConnectionOptions,
  amqpHandler,
  connectAmqp,
  serveAmqp,
} from "../src/index.ts";

const connection = amqpConnection({ url: "amqp://127.0.0.1:1" });
const queue = "q";
const Two = defineService("two", {
  a: { request: z.any(), response: z.any() },
  b: { request: z.any(), response: z.any() },
});
const two = { a: async () => 1, b: async () => 2 };

describe("an option that cannot be", () => {
  it.each<[string, () => unknown]>([
    ["amqpConnection: give either url or connect", () => amqpConnection({} as AmqpConnectionOptions)],
    ["amqpConnection: url must begin with", () => amqpConnection({ url: "http://secret@host" })],
    ["amqpConnection: heartbeatMs", () => amqpConnection({ url: "amqp://host", heartbeatMs: -1 })],
    ["amqpConnection: connectTimeoutMs", () => amqpConnection({ url: "amqp://host", connectTimeoutMs: 0 })],
    ["amqpConnection: maxBackoffMs", () => amqpConnection({ url: "amqp://host", maxBackoffMs: Number.NaN })],
    ["amqpClient: queue", () => amqpClient({ connection, queue: "" })],
    ["amqpClient: connection", () => amqpClient({ connection: {} as never, queue })],
    ["amqpClient: timeoutMs", () => amqpClient({ connection, queue, timeoutMs: 0 })],
    ["amqpClient: maxBytes", () => amqpClient({ connection, queue, maxBytes: -1 })],
    ["amqpClient: maxRequestBytes", () => amqpClient({ connection, queue, maxRequestBytes: -1 })],
    ["amqpClient: maxBufferBytes", () => amqpClient({ connection, queue, maxBufferBytes: -1 })],
    ["connectAmqp: queueOf", () => connectAmqp(Two, { connection, queueOf: () => "x".repeat(245) })],
    ["amqpHandler: queue", () => amqpHandler(two.a, { connection, queue: 5 as never })],
    ["amqpHandler: prefetch", () => amqpHandler(two.a, { connection, queue, prefetch: 1.5 })],
    ["amqpHandler: maxReplyBytes", () => amqpHandler(two.a, { connection, queue, maxReplyBytes: 0 })],
    ["serveAmqp: maxTimeoutMs", () => serveAmqp(Two, two, { connection, maxTimeoutMs: 0 })],
    ["serveAmqp: two methods have one queue", () => serveAmqp(Two, two, { connection, queueOf: () => "same" })],
  ])("is refused at once: %s", (message, make) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
    expect(make).not.toThrow("secret");
  });
});
