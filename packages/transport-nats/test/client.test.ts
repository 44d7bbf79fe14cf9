import { background, contextKey, text } from "@kit/endpoint";
import { defineService } from "@kit/service";
import { nats, whenInstalled } from "@kit/servers";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { connectNats, natsClient, type NatsClientOptions, natsHandler } from "../src/index.ts";
import { configured, latch, newSubject, patience, shared } from "./broker.ts";

const tenant = contextKey("test-tenant", { carry: text });

whenInstalled(nats, () => {
  const connect = shared();

  /** A client of somebody who answers by hand. */
  async function calling(
    answer: (message: Msg, connection: NatsConnection) => void,
    options: Partial<NatsClientOptions<any, any>> = {},
  ) {
    const [theirs, connection] = await Promise.all([connect(), connect()]);
    const subject = newSubject();
    theirs.subscribe(subject, { callback: (_, message) => answer(message, theirs) });
    await theirs.flush();
    return { theirs, connection, subject, client: natsClient<any, any>({ connection, subject, ...options }) };
  }

  describe("a call", () => {
    it("of what nobody serves fails at once, and was not sent", async () => {
      const connection = await connect();
      await using client = natsClient({ connection, subject: newSubject(), timeoutMs: Infinity });
      const error = await client(1, background).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: "unavailable", notSent: true, message: "nats: nobody serves it" });
    });

    it("carries its deadline and its values in headers, and has none without", async () => {
      const seen: (Record<string, string> | undefined)[] = [];
      const { client } = await calling((message) => {
        const names = message.headers?.keys();
        seen.push(names && Object.fromEntries(names.map((name) => [name, message.headers!.get(name)])));
        message.respond("1");
      });
      await client(1, background);
      await client(1, background.withTimeout(30_000).with(tenant, "a b\r\né"));
      expect(seen).toEqual([
        undefined,
        { "timeout-ms": expect.stringMatching(/^(30000|29\d{3})$/), "test-tenant": "a%20b%0D%0A%C3%A9" },
      ]);
    });

    it("takes the first reply, and drops second, late and foreign ones", async () => {
      const replies: string[] = [];
      const { client, theirs } = await calling((message, connection) => {
        const reply = message.reply!;
        replies.push(reply);
        if (message.json() === "late") return;
        for (const place of [`${reply}9`, reply.replace(/\d+$/, "0"), reply, reply, reply]) {
          connection.publish(place, JSON.stringify(place === reply ? message.json() : "foreign"));
        }
      });
      await expect(client("late", background.withTimeout(50))).rejects.toMatchObject({ code: "deadline_exceeded" });
      expect(await client("first", background)).toBe("first");
      theirs.publish(replies[0]!, '"too late"');
      expect(await client("second", background)).toBe("second");
      expect(new Set(replies).size).toBe(3);
    });

    it("with a reply that is too large is refused", async () => {
      const { client } = await calling((message) => void message.respond(JSON.stringify("x".repeat(message.json()))), {
        maxBytes: 100,
      });
      expect(await client(98, background)).toHaveLength(98);
      await expect(client(99, background)).rejects.toMatchObject({ code: "resource_exhausted" });
    });

    it.each<[string, string | Uint8Array, string]>([
      ["no JSON", "<html>", "internal"],
      ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22, 0xff]), "internal"],
      ["a hostile key", '{"__proto__":{"admin":true}}', "internal"],
    ])("with a reply that is %s is an error", async (_, data, code) => {
      const { client } = await calling((message) => void message.respond(data));
      await expect(client(1, background)).rejects.toMatchObject({ code });
    });

    it("with a header or a subject that NATS cannot hold is not sent", async () => {
      const { client, subject, connection } = await calling((message) => void message.respond("1"));
      const before = [
        (_: unknown, message: { headers: Record<string, unknown> }) => void (message.headers["a"] = "\r\n"),
      ];
      await using bad = natsClient({ connection, subject, before });
      await expect(bad(1, background)).rejects.toMatchObject({ code: "invalid_argument", notSent: true });
      const elsewhere = [(_: unknown, message: { subject: string }) => void (message.subject = "a b")];
      await using lost = natsClient({ connection, subject, before: elsewhere });
      await expect(lost(1, background)).rejects.toMatchObject({ code: "invalid_argument", notSent: true });
      expect(await client(1, background)).toBe(1);
    });

    it("goes where a hook says", async () => {
      const { client, subject, connection } = await calling((message) => void message.respond("1"));
      await using other = natsClient({
        connection,
        subject: newSubject(),
        before: [(_, message) => void (message.subject = subject)],
      });
      expect([await other(1, background), await client(1, background)]).toEqual([1, 1]);
    });

    it("is not sent when a hook has taken so long that its time is up", async () => {
      const asked = vi.fn<() => void>();
      const { client } = await calling(asked, { before: [(ctx) => ctx.withDeadline(Date.now() - 1)] });
      await expect(client(1, background)).rejects.toMatchObject({ code: "deadline_exceeded" });
      expect(asked).not.toHaveBeenCalled();
    });
  });

  describe("a client", () => {
    it("has one inbox for all methods, opened with the first call and closed with the client", async () => {
      const any = { request: z.any(), response: z.any() };
      const Two = defineService("two", { one: any, other: any });
      const connection = await connect();
      const subscribe = vi.spyOn(connection, "subscribe");
      const client = connectNats(Two, { connection, prefix: newSubject() });
      expect(subscribe).not.toHaveBeenCalled();
      for (const call of [client.one, client.other, client.one]) await call(1, background).catch(() => {});
      expect(subscribe).toHaveBeenCalledOnce();
      const inbox = subscribe.mock.results[0]!.value as ReturnType<NatsConnection["subscribe"]>;
      await client[Symbol.asyncDispose]();
      expect([inbox.isClosed(), connection.isClosed()]).toEqual([true, false]);
    });

    it("that is closed ends its calls, and refuses others", async () => {
      const { client } = await calling(() => {});
      const call = client(1, background).catch((error: unknown) => error);
      await client[Symbol.asyncDispose]();
      expect(await call).toMatchObject({ code: "unavailable" });
      expect(await call).not.toHaveProperty("notSent");
      await expect(client(1, background)).rejects.toMatchObject({ code: "unavailable", notSent: true });
    });

    it("whose connection is closed or drained ends its calls, and refuses others", async () => {
      for (const end of ["close", "drain"] as const) {
        const { client, connection } = await calling(() => {}, { timeoutMs: Infinity });
        const calls = [client(1, background), client(2, background)];
        const rejected = Promise.all(calls.map((call) => expect(call).rejects.toMatchObject({ code: "unavailable" })));
        const ending = connection[end]();
        await Promise.all([rejected, ending]);
        await expect(client(1, background)).rejects.toMatchObject({ code: "unavailable", notSent: true });
      }
    });

    it("hears replies where it is told to", async () => {
      const seen: string[] = [];
      const { client } = await calling((message) => (seen.push(message.reply!), message.respond("1")), {
        inboxPrefix: "_MINE.team",
      });
      await client(1, background);
      expect(seen[0]).toMatch(/^_MINE\.team\.[^.]+\.[^.]+$/);
    });
  });
});

const users = `
authorization { users: [
  { user: all, password: x }
  { user: mute, password: x, permissions: { publish: { deny: ["closed.>", "*.*.$cancel"] } } }
  { user: deaf, password: x, permissions: { subscribe: { deny: ["_INBOX.>", "closed.>", "*.*.$cancel"] } } }
] }`;

whenInstalled(nats, () => {
  const connect = shared(configured(users));
  const as = (user: string): Promise<NatsConnection> => connect({ user, pass: "x" });

  describe("where the NATS server forbids something", () => {
    it("a call that may not be published fails at once, others go on", async () => {
      const [ours, connection] = await Promise.all([as("all"), as("mute")]);
      const subject = newSubject();
      const gate = latch();
      natsHandler(() => gate.promise, { connection: ours, subject });
      await ours.flush();
      await using open = natsClient({ connection, subject });
      await using closed = natsClient({ connection, subject: "closed.a", timeoutMs: Infinity });
      const call = open(1, background);
      await expect(closed(1, background)).rejects.toMatchObject({ code: "permission_denied", notSent: true });
      gate.open();
      await call;
    });

    it("a client that may not hear replies says so", async () => {
      const [ours, connection] = await Promise.all([as("all"), as("deaf")]);
      const subject = newSubject();
      natsHandler(async () => 1, { connection: ours, subject });
      await ours.flush();
      await using client = natsClient({ connection, subject, timeoutMs: Infinity });
      for (let n = 0; n < 2; n++)
        await expect(client(1, background)).rejects.toMatchObject({ code: "permission_denied" });
      await using allowed = natsClient({ connection, subject, inboxPrefix: "_MINE" });
      expect(await allowed(1, background)).toBe(1);
    });

    it("a server that may not hear requests says so", async () => {
      const connection = await as("deaf");
      const failed = latch<unknown>();
      const server = natsHandler(async () => 1, { connection, subject: "closed.a", onError: failed.open });
      const denied = { code: "permission_denied", message: "nats: not allowed to serve closed.a" };
      expect(await failed.promise).toMatchObject(denied);
      await expect(server.ready()).rejects.toMatchObject(denied);
      expect(await server.close()).toBe(true);
    });

    it("cancellations that may not be sent or heard are done without", async () => {
      const [ours, theirs] = await Promise.all([as("deaf"), as("mute")]);
      const subject = newSubject();
      const refused: unknown[] = [];
      void (async () => {
        for await (const status of theirs.status()) if (status.type === "error") refused.push(status.error);
      })();
      let begun = 0;
      await using server = natsHandler((n: number) => (begun++, n > 0 ? Promise.resolve(n) : new Promise(() => {})), {
        connection: ours,
        subject,
        maxTimeoutMs: 200,
      });
      await ours.flush();
      await using client = natsClient({ connection: theirs, subject });
      for (let n = 1; n <= 3; n++) {
        const ctx = background.withCancel();
        const call = client(0, ctx);
        await vi.waitUntil(() => begun === 2 * n - 1, patience);
        ctx.cancel();
        await expect(call).rejects.toMatchObject({ code: "canceled" });
        // Behind the cancellation, so its refusal has come by then.
        expect(await client(n, background)).toBe(n);
      }
      expect(refused).toHaveLength(1);
      expect(await server.close()).toBe(true);
    });
  });
});
