import { defineService } from "@kit/service";
import type { NatsConnection } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { connectNats, natsClient, natsHandler, serveNats } from "../src/index.ts";

/** One that does nothing: no option gets as far as that. */
const connection = { status: async function* () {}, subscribe: () => ({}) } as unknown as NatsConnection;
const any = { request: z.any(), response: z.any() };
const Two = defineService("two", { one: any, other: any });
const endpoints = { one: async () => 1, other: async () => 2 };

describe("the options", () => {
  it.each(["", " ", "a b", "a.*", "a.>", "*", ">", ".a", "a.", "a..b", "a\tb", "a\r\nPUB b", "a\0b", "a\u2028b"])(
    "refuse the subject %j on both sides",
    (subject) => {
      expect(() => natsClient({ connection, subject })).toThrow(TypeError);
      expect(() => natsHandler(endpoints.one, { connection, subject })).toThrow(`"${subject}" cannot be a subject`);
      expect(() => connectNats(Two, { connection, prefix: subject })).toThrow(TypeError);
      expect(() => connectNats(Two, { connection, subjects: { one: subject } })).toThrow(TypeError);
      expect(() => serveNats(Two, endpoints, { connection, prefix: subject })).toThrow(TypeError);
    },
  );

  it.each(["a", "a.b.c", "users-v1.get_all", "ключ.日本語", "$team.x"])("take the subject %j", (subject) => {
    expect(() => natsClient({ connection, subject })).not.toThrow();
    expect(() => natsHandler(endpoints.one, { connection, subject })).not.toThrow();
  });

  it("refuse a queue group with spaces or wildcards", () => {
    for (const queue of ["a b", "*", "a.>", "\n"]) {
      expect(() => natsHandler(endpoints.one, { connection, subject: "a", queue })).toThrow("cannot be a queue group");
      expect(() => serveNats(Two, endpoints, { connection, queue })).toThrow("cannot be a queue group");
    }
    expect(() => serveNats(Two, endpoints, { connection, queue: "" })).toThrow("cannot be a queue group");
  });

  it("refuse methods that the service does not have, and two at one subject", () => {
    const subjects = { three: "a" } as object;
    expect(() => connectNats(Two, { connection, subjects })).toThrow('connectNats: two has no method "three"');
    expect(() => serveNats(Two, endpoints, { connection, subjects: { one: "two.other" } })).toThrow(
      'serveNats: two methods of two are at "two.other"',
    );
  });

  it.each(["maxBytes", "maxInFlight", "maxTimeoutMs"])("of a server refuse a %s that is no positive number", (name) => {
    for (const value of [0, -1, NaN, "1"]) {
      const options = { connection, subject: "a", [name]: value };
      expect(() => natsHandler(endpoints.one, options)).toThrow(`natsHandler: ${name} must be a positive number`);
      expect(() => serveNats(Two, endpoints, options)).toThrow(`serveNats: ${name} must be a positive number`);
    }
  });

  it.each(["maxBytes", "timeoutMs"])("of a client refuse a %s that is no positive number", (name) => {
    for (const value of [0, -1, NaN, "1"]) {
      const options = { connection, subject: "a", [name]: value };
      expect(() => natsClient(options)).toThrow(`natsClient: ${name} must be a positive number`);
      expect(() => connectNats(Two, options)).toThrow(`connectNats: ${name} must be a positive number`);
    }
  });

  it("of a client refuse an inbox prefix that is no subject", () => {
    expect(() => natsClient({ connection, subject: "a", inboxPrefix: "_INBOX.*" })).toThrow("inboxPrefix");
  });
});
