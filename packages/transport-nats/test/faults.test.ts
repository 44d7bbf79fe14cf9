import { background, codeOf, isKitError } from "@kit/endpoint";
import { nats, startServer, tcpProxy, whenStartable } from "@kit/servers";
import { createConnection } from "node:net";
import { expect, it, onTestFinished, vi } from "vitest";
import { natsClient, natsHandler } from "../src/index.ts";
import { connected, latch, newSubject, own, patience } from "./broker.ts";

const echo = async (request: unknown): Promise<unknown> => request;

whenStartable(nats, () => {
  /** Both sides on connections of their own, to a server that may be hurt. */
  async function both(endpoint: (request: any) => Promise<unknown> = echo) {
    const server = await own();
    const [ours, theirs] = await Promise.all([connected(server.url), connected(server.url)]);
    const subject = newSubject();
    const served = natsHandler(endpoint, { connection: ours, subject });
    await ours.flush();
    const client = natsClient({ connection: theirs, subject });
    return { server, ours, theirs, subject, served, client };
  }

  it("ends calls in hand at once when the NATS server is killed, refuses others, and goes on when it is back", async () => {
    const begun = latch();
    const { server, client } = await both((n) => (n === 0 ? (begun.open(), new Promise(() => {})) : echo(n)));
    const call = client(0, background).catch((error: unknown) => error);
    await begun.promise;
    await server.kill();
    expect(await call).toMatchObject({ code: "unavailable", message: "nats: the connection was lost" });
    expect(await call).not.toHaveProperty("notSent");
    await expect(client(1, background)).rejects.toMatchObject({ code: "unavailable", notSent: true });
    await server.restart();
    await vi.waitUntil(
      () =>
        client(2, background).then(
          (n) => n === 2,
          () => false,
        ),
      patience,
    );
  });

  it("answers or fails each of the calls that go on while it is restarted twice, none with another's reply", async () => {
    const { server, client } = await both();
    const outcomes: Record<string, number> = {};
    const until = { stop: false };
    const callers = Array.from({ length: 32 }, async (_, caller) => {
      for (let n = caller; !until.stop; n += 32) {
        const outcome = await client(n, background.withTimeout(10_000)).then(
          (got) => (got === n ? "answered" : "mixed up"),
          (error: unknown) => (isKitError(error) ? error.code : "not coded"),
        );
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        // A refusal takes no time at all, and the loop needs some.
        if (outcome !== "answered") await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    const answered = (more: number): Promise<unknown> => {
      const goal = (outcomes["answered"] ?? 0) + more;
      return vi.waitUntil(() => (outcomes["answered"] ?? 0) >= goal, patience);
    };
    for (let n = 0; n < 2; n++) {
      await answered(500);
      await server.restart();
    }
    await answered(500);
    until.stop = true;
    await Promise.all(callers);
    expect(Object.keys(outcomes).toSorted()).toEqual(["answered", "unavailable"]);
  });

  it("holds calls to their time when the NATS server stops answering, and answers again when it goes on", async () => {
    const { server, client } = await both();
    expect(await client(1, background)).toBe(1);
    server.pause();
    await expect(client(2, background.withTimeout(100))).rejects.toMatchObject({ code: "deadline_exceeded" });
    server.resume();
    expect(await client(3, background)).toBe(3);
  });

  it("closes in the time that it is given though the NATS server has stopped answering", async () => {
    const { server, served, client } = await both();
    expect(await client(1, background)).toBe(1);
    server.pause();
    const hurried = served.close({ timeoutMs: 100 });
    expect(await hurried).toBe(true);
    server.resume();
  });

  it("finds a connection half open as soon as the driver does", async () => {
    const server = await own();
    const proxy = await tcpProxy(server.port);
    onTestFinished(() => proxy[Symbol.asyncDispose]());
    const ours = await connected(server.url);
    const theirs = await connected(`127.0.0.1:${proxy.port}`, { pingInterval: 400, maxPingOut: 2, timeout: 2_000 });
    const subject = newSubject();
    natsHandler(echo, { connection: ours, subject });
    await ours.flush();
    const client = natsClient({ connection: theirs, subject, timeoutMs: Infinity });
    expect(await client(1, background)).toBe(1);
    proxy.cut();
    await expect(client(2, background)).rejects.toMatchObject({ code: "unavailable" });
    proxy.heal();
    await vi.waitUntil(
      () =>
        client(3, background).then(
          (n) => n === 3,
          () => false,
        ),
      patience,
    );
  });

  it("loses no request of those that a server took when it is closed under load", async () => {
    const { server, subject, served, client } = await both();
    const other = natsHandler(echo, { connection: await connected(server.url), subject });
    const wrong: unknown[] = [];
    const until = { stop: false };
    let answered = 0;
    const callers = Array.from({ length: 32 }, async (_, caller) => {
      for (let n = caller; !until.stop; n += 32) {
        await client(n, background).then(
          (got) => (got === n ? answered++ : wrong.push(got)),
          (error) => wrong.push(error),
        );
      }
    });
    await vi.waitUntil(() => answered > 500, patience);
    expect(await served.close()).toBe(true);
    const then = answered;
    await vi.waitUntil(() => answered > then + 500, patience);
    until.stop = true;
    await Promise.all(callers);
    expect(wrong).toEqual([]);
    expect(await other.close()).toBe(true);
  });

  it("keeps ten thousand calls apart, and holds nothing of them afterwards", async () => {
    const gate = latch();
    let begun = 0;
    const { client, served, theirs } = await both(async (n) => {
      if (++begun === 10_000) gate.open();
      await gate.promise;
      return n;
    });
    const numbers = Array.from({ length: 10_000 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => client(n, background.withTimeout(50_000))))).toEqual(numbers);
    const refused = await Promise.all(
      numbers.map((n) => client(n, background.withDeadline(Date.now() - 1)).catch(codeOf)),
    );
    expect(new Set(refused)).toEqual(new Set(["deadline_exceeded"]));
    expect(await served.close()).toBe(true);
    expect(theirs.isClosed()).toBe(false);
  });

  it("goes on after garbage: poisoned requests, headers and cancellations", async () => {
    const { ours, subject, client } = await both();
    const garbage = [new Uint8Array([0, 255, 254]), "{", "x".repeat(500_000), '{"__proto__":1}', ""];
    for (const data of garbage) {
      ours.publish(subject, data);
      ours.publish(`${subject}.$cancel`, data);
      ours.publish(subject, data, { reply: `${subject}.$cancel` });
    }
    expect(await client("fine", background)).toBe("fine");
  });

  it("goes on after headers that are none, in a request and in a reply", async () => {
    const { server, ours, theirs, subject, client } = await both();
    const raw = createConnection(server.port, "127.0.0.1").setNoDelay(true);
    onTestFinished(() => void raw.destroy());
    raw.resume().write('CONNECT {"headers":true,"verbose":false}\r\n');
    const head = "NATS/1.0\r\na b: c\r\n\r\n";
    const publish = (to: string, reply: string, data: string): void => {
      raw.write(`HPUB ${to} ${reply} ${head.length} ${head.length + data.length}\r\n${head}${data}\r\n`);
    };
    const refused = latch<unknown>();
    theirs.subscribe("broken.reply", { callback: (_, message) => refused.open(message.headers?.get("error-code")) });
    await theirs.flush();
    publish(subject, "broken.reply", "1");
    expect(await refused.promise).toBe("invalid_argument");

    ours.subscribe("broken", { callback: (_, message) => publish(message.reply!, "", message.string()) });
    await ours.flush();
    const broken = natsClient({ connection: theirs, subject: "broken" });
    for (const request of [undefined, 1]) {
      await expect(broken(request, background)).rejects.toMatchObject({ code: "internal" });
    }
    expect(await client(2, background)).toBe(2);
  });

  it("leaves a process that has closed its connection nothing to wait for", async () => {
    const server = await startServer(nats);
    onTestFinished(() => server[Symbol.asyncDispose]());
    const connection = await connected(server.url);
    const subject = newSubject();
    const served = natsHandler(() => new Promise(() => {}), { connection, subject });
    const client = natsClient({ connection, subject });
    const call = client(1, background.withTimeout(60_000)).catch(codeOf);
    await connection.flush();
    await client[Symbol.asyncDispose]();
    expect(await call).toBe("unavailable");
    await served.close({ timeoutMs: 1 });
    await connection.close();
    await vi.waitUntil(() => process.getActiveResourcesInfo().every((name) => name !== "TCPSocketWrap"), patience);
  });
});
