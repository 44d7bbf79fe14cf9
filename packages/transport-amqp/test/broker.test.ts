import { background, callInfo, codeOf, contextKey, KitError } from "@kit/endpoint";
import { rabbitmq, rabbitmqctl, whenStartable } from "@kit/servers";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Channel, connect, type ConsumeMessage } from "amqplib";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  amqpClient,
  amqpConnection,
  amqpHandler,
  type AmqpHandlerOptions,
  type AmqpServer,
  type AmqpSettlement,
  decodePlainReply,
  encodeErrorPlain,
} from "../src/index.ts";
import { connection, freshQueue, passing, sharedBroker } from "./broker.ts";

type Rejection = { readonly code: string; readonly message: string; readonly notSent?: boolean };
const rejection = (call: Promise<unknown>): Promise<Rejection> =>
  call.then(
    (value) => Promise.reject(new Error(`it succeeded with ${String(value)}`)),
    (error) => error,
  );
const eventually = (holds: () => boolean): Promise<boolean> => vi.waitUntil(holds, { timeout: 20_000, interval: 5 });

whenStartable(rabbitmq, () => {
  const broker = sharedBroker();

  async function handler(
    endpoint: (request: any, ctx: any) => Promise<unknown>,
    options: Partial<AmqpHandlerOptions<any, any>> = {},
  ): Promise<{ readonly queue: string; readonly server: AmqpServer }> {
    const queue = options.queue ?? freshQueue();
    const server = amqpHandler(endpoint, {
      connection: connection(broker.url),
      queueOptions: passing,
      ...options,
      queue,
    });
    onTestFinished(async () => void (await server.close({ timeoutMs: 1 })));
    await server.ready();
    return { queue, server };
  }

  function client(queue: string, options: object = {}) {
    const made = amqpClient({ connection: connection(broker.url), queue, timeoutMs: 50_000, ...options });
    onTestFinished(() => made[Symbol.asyncDispose]());
    return made;
  }

  /** amqplib itself, which knows nothing of us. */
  async function bare(): Promise<Channel> {
    const model = await connect(broker.url);
    onTestFinished(() => model.close());
    return model.createChannel();
  }

  /** Sends one request by hand and gives what is replied to it. */
  async function asked(queue: string, body: string, properties: object = {}): Promise<ConsumeMessage> {
    const channel = await bare();
    return new Promise((resolve) => {
      void channel
        .consume("amq.rabbitmq.reply-to", (reply) => resolve(reply!), { noAck: true })
        .then(() =>
          channel.sendToQueue(queue, Buffer.from(body), {
            replyTo: "amq.rabbitmq.reply-to",
            correlationId: "by hand",
            ...properties,
          }),
        );
    });
  }

  const dang = (): never => {
    throw new Error("err!");
  };

  describe("go-kit's tests of the subscriber", () => {
    it.each([
      ["TestSubscriberBadDecode", { decode: dang }, undefined],
      ["TestSubscriberBadEndpoint", {}, dang],
      ["TestSubscriberBadEncoder", { encode: dang }, undefined],
    ])("%s: replies go-kit's error", async (_, options, endpoint) => {
      const { queue } = await handler(async () => endpoint?.(), { errorEncoder: encodeErrorPlain, ...options });
      expect((await asked(queue, "{}")).content.toString()).toBe('{"err":"err!"}');
    });

    it("TestSubscriberSuccess, TestDefaultContentMetaData: replies to the sender with its correlation id and no content type", async () => {
      const { queue } = await handler(async ({ s }) => ({ squadron: s }));
      const { content, properties } = await asked(queue, '{"s":436}');
      expect(JSON.parse(content.toString())).toEqual({ squadron: 436 });
      expect(properties).toMatchObject({
        correlationId: "by hand",
        contentType: undefined,
        contentEncoding: undefined,
      });
    });

    it("TestNopResponseSubscriber: replies nothing to who asks for no reply, and acknowledges", async () => {
      const done: unknown[] = [];
      const { queue, server } = await handler(async (request) => void done.push(request), {
        queueOptions: { durable: true },
      });
      const channel = await bare();
      channel.sendToQueue(queue, Buffer.from('"quiet"'));
      await eventually(() => done.length === 1);
      await server.close();
      expect((await channel.checkQueue(queue)).messageCount).toBe(0);
      await channel.deleteQueue(queue);
    });

    it("TestSubscriberMultipleBefore: lets after functions say exchange, key and properties of the reply", async () => {
      const channel = await bare();
      const { queue: elsewhere } = await channel.assertQueue("", { exclusive: true });
      const came = new Promise<ConsumeMessage>(
        (resolve) => void channel.consume(elsewhere, (message) => resolve(message!)),
      );
      const seen = contextKey<string>("@test/seen");
      const { queue } = await handler(async (_, ctx) => [ctx.get(seen), ctx.get(callInfo)], {
        before: [(ctx) => ctx.with(seen, "first"), (ctx) => ctx.with(seen, `${ctx.get(seen)}, second`)],
        after: [
          (_, reply) => {
            reply.routingKey = elsewhere;
            Object.assign(reply.properties, { persistent: true, contentType: "some/type", contentEncoding: "some" });
            reply.headers["x-squadron"] = "436";
          },
        ],
      });
      channel.sendToQueue(queue, Buffer.from("{}"), { correlationId: "c" });
      const { content, properties } = await came;
      expect(JSON.parse(content.toString())).toEqual([
        "first, second",
        { service: "", method: queue, transport: "amqp" },
      ]);
      expect(properties).toMatchObject({
        correlationId: "c",
        deliveryMode: 2,
        contentType: "some/type",
        contentEncoding: "some",
      });
      expect(properties.headers).toEqual({ "x-squadron": "436" });
    });
  });

  describe("go-kit's tests of the publisher", () => {
    it("TestBadEncode, TestBadDecode: rejects with what the step threw", async () => {
      const { queue } = await handler(async () => 1);
      for (const step of ["encode", "decode"])
        expect((await rejection(client(queue, { [step]: dang })({}, background))).message).toBe("err!");
    });

    it("TestPublisherTimeout: rejects when the client's own time is over, and the server hears of it", async () => {
      const ended: unknown[] = [];
      const { queue } = await handler((_, ctx) => new Promise(() => ctx.onCancel((cause: Error) => ended.push(cause))));
      const call = client(queue, { timeoutMs: 50 });
      // On a busy machine a message may be over before it is delivered.
      while (ended.length === 0) expect((await rejection(call({}, background))).code).toBe("deadline_exceeded");
      expect(codeOf(ended[0])).toBe("deadline_exceeded");
    });

    it("TestSuccessfulPublisher: takes the reply of a server by hand, and hooks see both messages", async () => {
      const channel = await bare();
      const { queue } = await channel.assertQueue("", { exclusive: true });
      let request: ConsumeMessage | undefined;
      await channel.consume(
        queue,
        (message) => {
          request = message!;
          const { replyTo, correlationId } = message!.properties;
          // A foreign and a double reply.
          channel.sendToQueue(replyTo, Buffer.from('"foreign"'), { correlationId: "foreign" });
          for (const text of ['"husky"', '"double"'])
            channel.sendToQueue(replyTo, Buffer.from(text), { correlationId, headers: { Mood: "good" } });
        },
        { noAck: true },
      );
      const outcomes: unknown[] = [];
      const call = client(queue, {
        timeoutMs: 10_000,
        before: [(_: unknown, message: any) => void (message.headers["x-a"] = "b")],
        after: [(_: unknown, reply: any) => void outcomes.push(reply.header("mood"))],
        finalizer: [(_: unknown, { error }: any) => void outcomes.push(error)],
      });
      expect(await call({ s: 437 }, background)).toBe("husky");
      expect(await call({ s: 437 }, background)).toBe("husky");
      expect(outcomes).toEqual(["good", undefined, "good", undefined]);
      expect(request!.content.toString()).toBe('{"s":437}');
      expect(request!.properties).toMatchObject({
        contentType: undefined,
        expiration: "10000",
        headers: { "x-a": "b" },
      });
    });

    it("TestSendAndForgetPublisher: resolves when the broker has the message, and rejects when it has no queue for it", async () => {
      const channel = await bare();
      const { queue } = await channel.assertQueue("", { exclusive: true });
      await client(queue, { sendAndForget: true })({ s: 1 }, background);
      expect(await channel.get(queue, { noAck: true })).toMatchObject({ properties: { replyTo: undefined } });
      const nowhere = client(freshQueue(), { sendAndForget: true });
      expect(await rejection(nowhere({}, background))).toMatchObject({ code: "unavailable", notSent: true });
    });
  });

  it("takes a go-kit server's error for one", async () => {
    const { queue } = await handler(async () => dang(), { errorEncoder: encodeErrorPlain });
    const error = await rejection(client(queue, { decode: decodePlainReply })({}, background));
    expect(error).toMatchObject({ code: "unknown", message: "err!" });
  });

  describe("a message that cannot be", () => {
    it("is answered, acknowledged and not delivered again: garbage, what is too long, a deadline that is none", async () => {
      const errors: unknown[] = [];
      const { queue } = await handler(async () => 1, {
        maxBytes: 100,
        onError: (error) => void errors.push(codeOf(error)),
      });
      const codes = await Promise.all([
        asked(queue, "{garbage"),
        asked(queue, "x".repeat(101)),
        asked(queue, "{}", { headers: { "timeout-ms": "soon" } }),
        asked(queue, "{}", { headers: { "timeout-ms": "0" } }),
      ]);
      const told = codes.map(({ properties }) => properties.headers?.["error-code"]);
      expect(told).toEqual(["invalid_argument", "resource_exhausted", "invalid_argument", "deadline_exceeded"]);
      expect(errors.length).toBe(4);
      expect(new Set(errors)).toEqual(new Set(told));
    });

    it("is refused before it is sent: a request that is too long, a header that is", async () => {
      const { queue } = await handler(async () => 1);
      const call = client(queue, { maxRequestBytes: 100 });
      expect(await rejection(call("x".repeat(100), background))).toMatchObject({
        code: "resource_exhausted",
        notSent: true,
      });
      const wordy = client(queue, {
        before: [(_: unknown, message: any) => void (message.headers["x"] = "y".repeat(70_000))],
      });
      expect(await rejection(wordy({}, background))).toMatchObject({ code: "invalid_argument", notSent: true });
      expect(await call({}, background)).toBe(1);
    });

    it("is replaced by an error: a reply that is too long, or whose headers are", async () => {
      const { queue } = await handler(async (length) => "x".repeat(length), {
        maxReplyBytes: 1_000,
        after: [(_, reply) => void (reply.headers["x"] = "y".repeat(200))],
      });
      const call = client(queue, { maxBytes: 500 });
      expect(await rejection(call(1_001, background))).toMatchObject({ code: "resource_exhausted" });
      expect(await rejection(call(600, background))).toMatchObject({ code: "resource_exhausted" });
      expect(await call(3, background)).toBe("xxx");
    });
  });

  it.each<[AmqpSettlement, string[]]>([
    ["ack", ["err!"]],
    ["requeue", ["err!", "err! again"]],
    ["deadLetter", ["err!"]],
  ])("settles a failed message as it is told: %s", async (settlement, heard) => {
    const channel = await bare();
    const { queue: dead } = await channel.assertQueue("", { exclusive: true });
    const errors: string[] = [];
    const { queue } = await handler(async () => dang(), {
      queueOptions: { ...passing, deadLetterExchange: "", deadLetterRoutingKey: dead },
      settle: () => settlement,
      before: [(_, message) => void errors.push(message.redelivered ? "err! again" : "err!")],
    });
    const { properties } = await asked(queue, "{}");
    expect(properties.headers?.["error-code"]).toBe("unknown");
    expect(errors).toEqual(heard);
    const isDead = async (): Promise<boolean> => (await channel.get(dead, { noAck: true })) !== false;
    await vi.waitUntil(async () => (await isDead()) === (settlement !== "ack"), { timeout: 20_000, interval: 10 });
  });

  it("says at once that nobody has the queue", async () => {
    const error = await rejection(client("no-such-queue")({}, background));
    expect(error).toMatchObject({ code: "unavailable", message: 'amqp: no queue "no-such-queue"', notSent: true });
  });

  it("says clearly that a queue exists with other options, or does not exist", async () => {
    const { queue } = await handler(async () => 1);
    const other = (queueOptions: any, name: string): AmqpServer => {
      const server = amqpHandler(async () => 1, { connection: connection(broker.url), queue: name, queueOptions });
      onTestFinished(async () => void (await server.close()));
      return server;
    };
    const mismatch = await rejection(other({ durable: false }, queue).ready());
    expect(mismatch).toMatchObject({ code: "failed_precondition" });
    expect(mismatch.message).toContain(`'durable' for queue '${queue}'`);
    expect(await rejection(other("existing", "no-such-queue").ready())).toMatchObject({ code: "not_found" });
  });

  it("has no more messages of a queue in hand than its prefetch", async () => {
    const answer: (() => void)[] = [];
    const { queue } = await handler(() => new Promise((resolve) => void answer.push(() => resolve(1))), {
      prefetch: 3,
    });
    const call = client(queue);
    const calls = Array.from({ length: 6 }, () => call({}, background));
    await eventually(() => answer.length === 3);
    await (await bare()).checkQueue(queue);
    expect(answer.length).toBe(3);
    for (let n = 0; n < 6; n++) {
      await eventually(() => answer.length > n);
      answer[n]!();
    }
    expect(await Promise.all(calls)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("answers ten thousand calls at once, each with its own reply", async () => {
    const { queue } = await handler(async (n) => n, { prefetch: 1_000 });
    const call = client(queue);
    const numbers = Array.from({ length: 10_000 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => call(n, background)))).toEqual(numbers);
  });

  it("refuses calls when too much waits for the socket, and takes them again", async () => {
    const { queue } = await handler(async (text) => text.length, { maxBytes: 10_000_000 });
    const call = client(queue, { maxBufferBytes: 1_000_000 });
    await call("warm", background);
    const large = "x".repeat(500_000);
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => call(large, background)));
    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const outcome of refused)
      expect(outcome).toMatchObject({ reason: { code: "resource_exhausted", notSent: true } });
    expect(await call("again", background)).toBe(5);
  });

  it("consumes again from a queue that was deleted under it, while a call goes on", async () => {
    let finish: (() => void) | undefined;
    const { queue } = await handler((request) =>
      request === "slow" ? new Promise((resolve) => (finish = () => resolve("done"))) : Promise.resolve("quick"),
    );
    const call = client(queue);
    const slow = call("slow", background);
    await eventually(() => finish !== undefined);
    await (await bare()).deleteQueue(queue);
    await vi.waitUntil(
      () =>
        call("quick", background.withTimeout(500)).then(
          (value) => value === "quick",
          () => false,
        ),
      { timeout: 30_000 },
    );
    finish!();
    expect(await slow).toBe("done");
  });

  describe("close", () => {
    it("finishes what is in hand, replies and acknowledges, and takes nothing new", async () => {
      const answer: (() => void)[] = [];
      const { queue, server } = await handler(() => new Promise((resolve) => void answer.push(() => resolve("done"))), {
        queueOptions: { durable: true },
      });
      const call = client(queue);
      const inHand = call({}, background);
      await eventually(() => answer.length === 1);
      const closed = server.close();
      const channel = await bare();
      await vi.waitUntil(async () => (await channel.checkQueue(queue)).consumerCount === 0, { timeout: 20_000 });
      const later = rejection(call({}, background.withTimeout(300)));
      answer[0]!();
      expect(await inHand).toBe("done");
      expect(await closed).toBe(true);
      expect((await later).code).toBe("deadline_exceeded");
      expect(answer.length).toBe(1);
      await channel.deleteQueue(queue);
    });

    it("gives back what it could not finish: another server answers it", async () => {
      let began = false;
      const { queue, server } = await handler(
        () => {
          began = true;
          return new Promise(() => {});
        },
        { queueOptions: { durable: true } },
      );
      const reply = client(queue)({}, background);
      await eventually(() => began);
      expect(await server.close({ timeoutMs: 20 })).toBe(false);
      await handler(async () => "the other", { queue, queueOptions: { durable: true } });
      expect(await reply).toBe("the other");
      await (await bare()).deleteQueue(queue);
    });
  });

  it("goes on without cancellations where the broker does not allow them", async () => {
    const user = freshQueue();
    await rabbitmqctl(broker.server, "add_user", user, "password");
    await rabbitmqctl(broker.server, "set_permissions", user, ".*", "^(?!amq[.]topic).*", "^(?!amq[.]topic).*");
    const errors: string[] = [];
    const url = broker.url.replace("://", `://${user}:password@`);
    const limited = connection(url, { onError: ({ code }) => void errors.push(code) });
    let calls = 0;
    const { queue } = await handler(
      async (request) => (++calls, request === "wait" ? new Promise(() => {}) : request),
      { connection: limited },
    );
    const call = client(queue, { connection: limited });
    using ctx = background.withCancel();
    const cancelled = rejection(call("wait", ctx));
    await eventually(() => calls === 1);
    ctx.cancel();
    expect((await cancelled).code).toBe("canceled");
    expect(await Promise.all([1, 2, 3].map((n) => call(n, background)))).toEqual([1, 2, 3]);
    await eventually(() => errors.length === 2);
    expect(errors).toEqual(["permission_denied", "permission_denied"]);
  });

  it("fails calls at once when nothing listens, and rejects what hangs in the handshake", async () => {
    const errors: KitError[] = [];
    const nowhere = amqpConnection({
      url: "amqp://user:secret@127.0.0.1:1",
      onError: (error) => void errors.push(error),
    });
    expect(await rejection(amqpClient({ connection: nowhere, queue: "q" })({}, background))).toMatchObject({
      code: "unavailable",
      notSent: true,
    });
    expect(String(errors[0]) + String(errors[0]?.cause)).not.toContain("secret");
    await nowhere.close();
    const mute = amqpConnection({ connect: () => new Promise(() => {}), connectTimeoutMs: 50 });
    expect(await rejection(mute.ready())).toMatchObject({ code: "unavailable" });
    await mute.close();
    expect(await rejection(mute.ready())).toMatchObject({ code: "unavailable" });
  });

  it("lets a process end by itself once all is closed, and go on while it is open", async () => {
    const fixture = fileURLToPath(new URL("./process.fixture.mjs", import.meta.url));
    const args = [fixture, broker.url];
    const { stdout } = await promisify(execFile)(process.execPath, [...args, "close"], { timeout: 30_000 });
    expect(stdout).toBe('[1,2,3,"canceled"]\n');
    const child = spawn(process.execPath, [...args, "left"], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill());
    await once(child.stdout, "data");
    const outcome = await Promise.race([
      once(child, "exit").then(() => "ended"),
      new Promise((resolve) => void setTimeout(resolve, 300, "goes on")),
    ]);
    expect(outcome).toBe("goes on");
  });

  it("leaves nothing of its own on the broker", async () => {
    const list = async (): Promise<string> =>
      (await rabbitmqctl(broker.server, "list_queues", "name")) +
      (await rabbitmqctl(broker.server, "list_channels", "pid"));
    const before = await list();
    const own = amqpConnection({ url: broker.url });
    const server = amqpHandler(async (n) => n, { connection: own, queue: freshQueue(), queueOptions: passing });
    await server.ready();
    expect(await list()).not.toBe(before);
    await server.close();
    await own.close();
    expect(await list()).toBe(before);
  });

  // The last: what hurts the broker.
  it("comes back after the broker has closed all connections", async () => {
    const { queue } = await handler(async (n) => n);
    const call = client(queue);
    expect(await call(1, background)).toBe(1);
    await rabbitmqctl(broker.server, "close_all_connections", "bye");
    await vi.waitUntil(
      () =>
        call(2, background.withTimeout(500)).then(
          (n) => n === 2,
          () => false,
        ),
      { timeout: 20_000 },
    );
  });

  it("notices a broker that is stopped, hangs no call, and comes back", async () => {
    const heartbeat = { heartbeatMs: 2_000 };
    const lossy: string[] = [];
    const server = connection(broker.url, heartbeat);
    const near = connection(broker.url, { ...heartbeat, onError: ({ message }) => void lossy.push(message) });
    const { queue } = await handler(async (n) => n, { connection: server, queueOptions: { durable: true } });
    const call = client(queue, { connection: near, timeoutMs: 30_000 });
    expect(await call(1, background)).toBe(1);
    broker.server.pause();
    const hanging = [rejection(call(2, background.withTimeout(200))), rejection(call(3, background))];
    const [short, long] = await Promise.all(hanging).finally(() => broker.server.resume());
    // On a busy machine the loss may be noticed before the deadline.
    expect(["deadline_exceeded", "unavailable"]).toContain(short!.code);
    expect(long!.code).toBe("unavailable");
    expect(lossy).toContain("amqp: the connection was lost");
    await vi.waitUntil(
      () =>
        call(4, background.withTimeout(500)).then(
          (n) => n === 4,
          () => false,
        ),
      { timeout: 30_000 },
    );
  });

  it("restores clients, servers and cancellations after the broker was killed and restarted during calls", async () => {
    let cancelled = 0;
    const { queue } = await handler(
      (request, ctx) =>
        request === "wait" ? new Promise(() => ctx.onCancel(() => (cancelled += 1))) : Promise.resolve(request),
      { queueOptions: { durable: true } },
    );
    const call = client(queue);
    const replying = client(queue, { replyQueue: true });
    expect(await Promise.all([call(1, background), replying(2, background)])).toEqual([1, 2]);
    const inHand = Array.from({ length: 20 }, () => rejection(call("wait", background)));
    await broker.server.kill();
    for (const error of await Promise.all(inHand)) expect(error.code).toBe("unavailable");
    expect(await rejection(call(1, background))).toMatchObject({ code: "unavailable", notSent: true });
    await broker.server.restart();
    for (const each of [call, replying])
      await vi.waitUntil(
        () =>
          each(5, background.withTimeout(500)).then(
            (n) => n === 5,
            () => false,
          ),
        { timeout: 30_000 },
      );
    cancelled = 0;
    await vi.waitUntil(
      async () => {
        const ctx = background.withCancel();
        const waiting = rejection(call("wait", ctx));
        setTimeout(() => ctx.cancel(), 50);
        await waiting;
        return cancelled > 0;
      },
      { timeout: 20_000, interval: 50 },
    );
  });
});
