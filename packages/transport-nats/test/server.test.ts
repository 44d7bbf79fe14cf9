import { background, callInfo, codeOf, type Context, KitError } from "@kit/endpoint";
import { defineService } from "@kit/service";
import { nats, whenInstalled } from "@kit/servers";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { connectNats, natsClient, natsHandler, type NatsHandlerOptions, serveNats } from "../src/index.ts";
import { configured, latch, newSubject, patience, shared } from "./broker.ts";

const never = (): Promise<never> => new Promise(() => {});
const steps = ["before", "decode", "endpoint", "after", "encode"] as const;
const any = { request: z.any(), response: z.any() };

whenInstalled(nats, () => {
  const connect = shared();

  describe("the hooks of a server", () => {
    it.each<[string | undefined, string[]]>([
      [undefined, ["before", "decode", "endpoint", "after", "encode", "finalizer ok"]],
      ...steps.map(
        (failing, n) =>
          [failing, [...steps.slice(0, n + 1), "onError aborted", "finalizer aborted"]] as [string, string[]],
      ),
    ])("run in order when %s fails", async (failing, expected) => {
      const said: string[] = [];
      const say = (word: string): void => {
        said.push(word);
        if (word === failing) throw new KitError("aborted", word);
      };
      const done = latch();
      const connection = await connect();
      const subject = newSubject();
      await using _ = natsHandler(async () => say("endpoint"), {
        connection,
        subject,
        before: [() => say("before")],
        decode: () => say("decode"),
        after: [() => say("after")],
        encode: () => say("encode"),
        onError: (error) => void said.push(`onError ${codeOf(error)}`),
        finalizer: [
          (_ctx, { error }) => {
            said.push(`finalizer ${error === undefined ? "ok" : codeOf(error)}`);
            done.open();
          },
        ],
      });
      const reply = await connection.request(subject);
      await done.promise;
      expect(said).toEqual(expected);
      expect(reply.headers?.get("error-code")).toBe(failing && "aborted");
    });

    it("may write headers, which the caller's read", async () => {
      const connection = await connect();
      const subject = newSubject();
      const seen: unknown[] = [];
      await using _ = natsHandler(async () => 1, {
        connection,
        subject,
        before: [(__, message) => void seen.push(message.header("x-sent"))],
        after: [(__, reply) => void Object.assign(reply.headers, { "x-one": "é", "x-two": ["a", "b"] })],
      });
      await using client = natsClient({
        connection,
        subject,
        before: [(__, message) => void (message.headers["x-sent"] = "yes")],
        after: [(__, reply) => void seen.push(reply.header("x-one"), reply.header("x-two"))],
      });
      expect(await client(undefined, background)).toBe(1);
      expect(seen).toEqual(["yes", "é", "a, b"]);
    });

    it("that write a header which cannot be sent make an error of the reply", async () => {
      const connection = await connect();
      const subject = newSubject();
      const onError = vi.fn<(error: unknown) => void>();
      await using _ = natsHandler(async () => "secret", {
        connection,
        subject,
        onError,
        after: [(__, reply) => void (reply.headers["x-a"] = "a\r\nerror-code: evil")],
      });
      await using client = natsClient({ connection, subject });
      await expect(client(1, background)).rejects.toMatchObject({ code: "internal" });
      expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "internal" }), expect.anything());
    });

    it("whose finalizer throws is told of, and goes on", async () => {
      const connection = await connect();
      const subject = newSubject();
      const onError = vi.fn<(error: unknown) => void>();
      const broken = new Error("the finalizer is broken");
      await using _ = natsHandler(async () => 1, {
        connection,
        subject,
        onError,
        finalizer: [
          () => {
            throw broken;
          },
        ],
      });
      await using client = natsClient({ connection, subject });
      expect([await client(1, background), await client(1, background)]).toEqual([1, 1]);
      await vi.waitFor(
        () =>
          expect(onError.mock.calls).toEqual([
            [broken, undefined],
            [broken, undefined],
          ]),
        patience,
      );
    });
  });

  describe("a request", () => {
    async function serving(
      endpoint: (request: any, ctx: Context) => Promise<unknown>,
      options: Partial<NatsHandlerOptions<any, any>> = {},
    ) {
      const connection = await connect();
      const subject = newSubject();
      const server = natsHandler(endpoint, { connection, subject, ...options });
      return { connection, subject, client: natsClient({ connection, subject }), server };
    }

    it("without a reply subject is run, and what fails is told to onError", async () => {
      const ran = latch<unknown>();
      const failed = latch<unknown>();
      const error = new Error("nobody waits");
      const { connection, subject } = await serving(
        async (request) => {
          ran.open(request);
          throw error;
        },
        { onError: failed.open },
      );
      const { outMsgs } = connection.stats();
      connection.publish(subject, '{"n":1}');
      expect([await ran.promise, await failed.promise]).toEqual([{ n: 1 }, error]);
      await connection.flush();
      expect(connection.stats().outMsgs).toBe(outMsgs + 1);
    });

    it("is decoded to nothing when it is empty, and refused when it is no JSON", async () => {
      const { connection, subject, client } = await serving(async (request) => ({ got: request ?? "nothing" }));
      expect(await client(undefined, background)).toEqual({ got: "nothing" });
      for (const data of ["{", '{"__proto__":1}', new Uint8Array([0xff, 0xfe])]) {
        const reply = await connection.request(subject, data);
        expect(reply.headers!.get("error-code")).toBe("invalid_argument");
      }
    });

    it("that is too large is refused", async () => {
      const { client } = await serving(async () => 1, { maxBytes: 100 });
      expect(await client("x".repeat(98), background)).toBe(1);
      await expect(client("x".repeat(99), background)).rejects.toMatchObject({ code: "resource_exhausted" });
    });

    it("beyond the most at once is refused at once", async () => {
      const gate = latch();
      const { client } = await serving(() => gate.promise, { maxInFlight: 2 });
      const calls = [client(1, background), client(2, background), client(3, background)];
      await expect(calls[2]).rejects.toMatchObject({
        code: "resource_exhausted",
        message: "more than 2 calls at once",
      });
      gate.open();
      await Promise.all(calls.slice(0, 2));
      await client(4, background);
    });

    it.each(["", "soon", "-1", "1e3", "99999999999"])("with the time %j is refused", async (text) => {
      const { connection, subject } = await serving(async () => 1);
      const written = headers();
      written.append("timeout-ms", text);
      const reply = await connection.request(subject, "1", { timeout: 10_000, headers: written });
      expect([reply.headers!.get("error-code"), reply.json<KitError>().message]).toEqual([
        "invalid_argument",
        "timeout-ms: not a number of milliseconds",
      ]);
    });

    it("whose time is up is not run", async () => {
      const endpoint = vi.fn<() => Promise<void>>(async () => {});
      const { connection, subject } = await serving(endpoint);
      const written = headers();
      written.append("timeout-ms", "0");
      const reply = await connection.request(subject, "1", { timeout: 10_000, headers: written });
      expect(reply.headers!.get("error-code")).toBe("deadline_exceeded");
      expect(endpoint).not.toHaveBeenCalled();
    });

    it("takes no longer than the server allows", async () => {
      const { client } = await serving(never, { maxTimeoutMs: 20 });
      await expect(client(1, background.withTimeout(30_000))).rejects.toMatchObject({ code: "deadline_exceeded" });
      await expect(client(1, background)).rejects.toMatchObject({ code: "deadline_exceeded" });
    });

    it("is known by its service and method", async () => {
      const info = async (_: unknown, ctx: Context): Promise<unknown> => ctx.get(callInfo);
      const plain = await serving(info);
      expect(await plain.client(1, background)).toEqual({ service: "", method: plain.subject, transport: "nats" });
      const named = await serving(info, { service: "users", method: "get" });
      expect(await named.client(1, background)).toEqual({ service: "users", method: "get", transport: "nats" });
    });

    it("goes to one member of a queue group, and to each server without one", async () => {
      const connection = await connect();
      const [subject, other] = [newSubject(), newSubject()];
      const seen = new Map([
        [subject, 0],
        [other, 0],
      ]);
      const count = async (_: unknown, ctx: Context): Promise<void> => {
        const { method } = ctx.get(callInfo)!;
        seen.set(method, seen.get(method)! + 1);
      };
      const options = { connection, decode: () => undefined };
      for (let n = 0; n < 3; n++) {
        natsHandler(count, { ...options, subject });
        natsHandler(count, { ...options, subject: other, queue: "" });
      }
      for (const each of [subject, other]) for (let n = 0; n < 10; n++) connection.publish(each);
      await connection.flush();
      expect([seen.get(subject), seen.get(other)]).toEqual([10, 30]);
    });
  });

  describe("a cancelled call", () => {
    it("ends the handler's context, in the server that has it and for that call alone", async () => {
      const [ours, theirs] = await Promise.all([connect(), connect()]);
      const subject = newSubject();
      const causes: unknown[] = [];
      const begun: Context[] = [];
      const slow = (_: unknown, ctx: Context): Promise<never> => {
        begun.push(ctx);
        ctx.onCancel((cause) => causes.push(codeOf(cause)));
        return never();
      };
      for (let n = 0; n < 3; n++) natsHandler(slow, { connection: ours, subject });
      await ours.flush();
      await using client = natsClient({ connection: theirs, subject });
      const ctx = background.withCancel();
      const cancelled = client(1, ctx);
      const other = client(2, background).catch(codeOf);
      await vi.waitUntil(() => begun.length === 2, patience);
      const cause = new Error("enough");
      ctx.cancel(cause);
      await expect(cancelled).rejects.toBe(cause);
      await vi.waitUntil(() => causes.length > 0, patience);
      await ours.flush();
      expect([causes, begun.filter(({ cancelled: over }) => over === undefined).length]).toEqual([["canceled"], 1]);
      await client[Symbol.asyncDispose]();
      expect(await other).toBe("unavailable");
    });

    it("for which the client's own time is up ends as well; for the caller's deadline nobody is told", async () => {
      const connection = await connect();
      const subject = newSubject();
      const causes: string[] = [];
      await using server = natsHandler(
        (_: unknown, ctx) => {
          ctx.onCancel((cause) => causes.push(codeOf(cause)));
          return never();
        },
        { connection, subject },
      );
      const told = vi.fn<() => void>();
      connection.subscribe(`${subject}.$cancel`, { callback: told });
      await using client = natsClient({ connection, subject, timeoutMs: 500 });
      await expect(client(1, background.withTimeout(50))).rejects.toMatchObject({ code: "deadline_exceeded" });
      await vi.waitUntil(() => causes.length === 1, patience);
      expect(causes).toEqual(["deadline_exceeded"]);
      expect(told).not.toHaveBeenCalled();
      await expect(client(1, background)).rejects.toMatchObject({ code: "deadline_exceeded" });
      await vi.waitUntil(() => causes.length === 2, patience);
      expect(causes[1]).toBe("canceled");
      expect(told).toHaveBeenCalledOnce();
      expect(await server.close()).toBe(true);
    });

    it("ends with its client, too", async () => {
      const connection = await connect();
      const subject = newSubject();
      const [begun, ended] = [latch(), latch<Error>()];
      await using _ = natsHandler(
        (__: unknown, ctx) => {
          ctx.onCancel(ended.open);
          begun.open();
          return never();
        },
        { connection, subject },
      );
      const client = natsClient({ connection, subject });
      const call = client(1, background).catch(codeOf);
      await begun.promise;
      await client[Symbol.asyncDispose]();
      expect([await call, codeOf(await ended.promise)]).toEqual(["unavailable", "canceled"]);
    });

    it("that the server does not have is ignored", async () => {
      const connection = await connect();
      const subject = newSubject();
      await using _ = natsHandler(async () => 1, { connection, subject });
      for (const text of ["", "_INBOX.nobody.1", "x".repeat(100_000)]) connection.publish(`${subject}.$cancel`, text);
      await using client = natsClient({ connection, subject });
      expect(await client(1, background)).toBe(1);
    });
  });

  describe("closing a server", () => {
    async function busy() {
      const [ours, theirs] = await Promise.all([connect(), connect()]);
      const subject = newSubject();
      const begun = latch();
      const gate = latch();
      const server = natsHandler(
        async (request) => {
          begun.open();
          await gate.promise;
          return request;
        },
        { connection: ours, subject },
      );
      await ours.flush();
      const client = natsClient({ connection: theirs, subject });
      const call = client("in hand", background);
      await Promise.race([begun.promise, call]);
      return { ours, theirs, server, client, call, gate };
    }

    it("takes nothing new, finishes what is in hand, and leaves the connection", async () => {
      const { ours, server, client, call, gate } = await busy();
      const closing = server.close();
      await vi.waitUntil(
        () =>
          client("new", background.withTimeout(500)).then(
            () => false,
            (error) => codeOf(error) === "unavailable",
          ),
        patience,
      );
      gate.open();
      expect([await call, await closing, await server.close(), ours.isClosed()]).toEqual([
        "in hand",
        true,
        true,
        false,
      ]);
    });

    it("does what had arrived at the NATS server before", async () => {
      const { server, theirs, client, call, gate } = await busy();
      const numbers = Array.from({ length: 100 }, (_, n) => n);
      const more = numbers.map((n) => client(n, background));
      await theirs.flush();
      const finished = server.close();
      gate.open();
      expect([await call, await Promise.all(more), await finished]).toEqual(["in hand", numbers, true]);
    });

    it("ends what takes too long with unavailable, which reaches the caller though the connection is then closed", async () => {
      const { ours, server, call } = await busy();
      const error = call.catch((cause: unknown) => cause);
      expect(await server.close({ timeoutMs: 50 })).toBe(false);
      await ours.close();
      expect(await error).toMatchObject({ code: "unavailable", message: "the server stops" });
    });

    it("whose connection is closed already is done when its calls are", async () => {
      const { ours, server, gate, client } = await busy();
      await expect(server.ready()).resolves.toBeUndefined();
      await ours.close();
      await expect(server.ready()).rejects.toMatchObject({ code: "unavailable" });
      gate.open();
      expect(await server.close()).toBe(true);
      await client[Symbol.asyncDispose]();
    });

    it("needs a time that is one", () => {
      const connection = { subscribe: () => ({}) } as unknown as NatsConnection;
      const server = natsHandler(async () => 1, { connection, subject: "a" });
      expect(() => server.close({ timeoutMs: 0 })).toThrow("close: timeoutMs must be a positive number, got 0");
    });
  });

  describe("a service", () => {
    const Users = defineService("users", { get: any, list: any });

    it("is at the subjects that it is told, and in the queue group of that name", async () => {
      const connection = await connect();
      const subscribe = vi.spyOn(connection, "subscribe");
      const options = { prefix: newSubject(), subjects: { list: newSubject() } };
      await using _ = serveNats(Users, { get: async () => "one", list: async () => "all" }, { connection, ...options });
      expect(subscribe.mock.calls.map(([subject, { queue } = {}]) => [subject, queue])).toEqual([
        [`${options.prefix}.get`, "users"],
        [options.subjects.list, "users"],
        [`${options.prefix}.get.$cancel`, undefined],
        [`${options.subjects.list}.$cancel`, undefined],
      ]);
      await using client = connectNats(Users, { connection, ...options });
      expect([await client.get({}, background), await client.list({}, background)]).toEqual(["one", "all"]);
      await using lost = connectNats(Users, { connection });
      await expect(lost.get({}, background)).rejects.toMatchObject({ code: "unavailable" });
    });

    it("bounds the calls of all its methods together", async () => {
      const connection = await connect();
      const prefix = newSubject();
      const gate = latch();
      const begun = latch();
      const get = (): Promise<void> => (begun.open(), gate.promise);
      await using _ = serveNats(Users, { get, list: async () => {} }, { connection, prefix, maxInFlight: 1 });
      await using client = connectNats(Users, { connection, prefix });
      const call = client.get({}, background);
      await begun.promise;
      await expect(client.list({}, background)).rejects.toMatchObject({ code: "resource_exhausted" });
      gate.open();
      await call;
    });
  });
});

whenInstalled(nats, () => {
  const connect = shared(configured("max_payload: 1000\nmax_control_line: 512\n"));

  it("answers with an error what is larger than the NATS server takes", async () => {
    const connection = await connect();
    const subject = newSubject();
    const onError = vi.fn<(error: unknown) => void>();
    await using _ = natsHandler(async (n: number) => "x".repeat(n), { connection, subject, onError });
    await using client = natsClient({ connection, subject });
    expect(await client(998, background)).toHaveLength(998);
    await expect(client(999, background)).rejects.toMatchObject({
      code: "resource_exhausted",
      message: "nats: the message is larger than the NATS server takes",
    });
    expect(onError.mock.calls.map(([error]) => codeOf(error))).toEqual(["resource_exhausted"]);
  });

  it("says so of an error whose details are too large, and of a request", async () => {
    const connection = await connect();
    const subject = newSubject();
    const details = "x".repeat(2_000);
    await using _ = natsHandler(() => Promise.reject(new KitError("not_found", "no", { details })), {
      connection,
      subject,
    });
    await using client = natsClient({ connection, subject });
    await expect(client(1, background)).rejects.toMatchObject({ code: "resource_exhausted" });
    await expect(client(details, background)).rejects.toMatchObject({ code: "resource_exhausted", notSent: true });
  });
});
