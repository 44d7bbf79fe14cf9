import { background, codeOf, type KitError } from "@kit/endpoint";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { connectThrift, type ConnectThriftOptions, thriftConnection } from "../src/index.ts";
import { Add, serveAdd } from "./add.ts";
import { listening, lying, serving } from "./serving.ts";
import { binary, framed, sumReply, type } from "./wire.ts";

const failure = (call: Promise<unknown>): Promise<KitError> =>
  call.then(
    () => expect.fail("the call succeeded"),
    (error) => error,
  );

function connected(options: ConnectThriftOptions) {
  const client = connectThrift(Add, options);
  onTestFinished(() => client[Symbol.asyncDispose]());
  return client;
}

/** Answers each framed call to Sum as it is told. `id` is that of the call. */
function answering(answer: (id: number, socket: Socket) => void): (socket: Socket) => void {
  return (socket) => {
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (
        ;
        bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE();
        bytes = bytes.subarray(4 + bytes.readInt32BE())
      ) {
        answer(bytes.readInt32BE(4 + 4 + 4 + "Sum".length), socket);
      }
    });
  };
}

const sumOf = (id: number, value: number): Buffer => framed(binary("Sum", type.reply, id, sumReply(value)));

describe("a client", () => {
  it("ends the calls in hand when the connection breaks, and connects anew for the next", async () => {
    let connections = 0;
    const { address } = await lying((socket) => {
      connections++;
      if (connections === 1) socket.once("data", () => socket.destroy());
      else answering((id) => socket.write(sumOf(id, 7)))(socket);
    });
    const client = connected({ address, framing: "framed" });
    const calls = Array.from({ length: 10 }, (_, a) => failure(client.Sum({ a, b: 0 }, background)));
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ code: "unavailable", message: "thrift: the connection broke" });
      expect(error.notSent).toBeUndefined();
    }
    expect((await client.Sum({ a: 1, b: 1 }, background)).value).toBe(7);
    expect(connections).toBe(2);
  });

  it("says that a call was not sent when nobody listens, and waits before it tries again", async () => {
    const { server, address } = await lying(() => {});
    await new Promise((resolve) => void server.close(resolve));
    const client = connected({ address, maxBackoffMs: 3_600_000 });
    const first = await failure(client.Sum({ a: 1, b: 1 }, background));
    expect(first).toMatchObject({
      code: "unavailable",
      notSent: true,
      message: "thrift: cannot connect (ECONNREFUSED)",
    });
    const second = await failure(client.Sum({ a: 1, b: 1 }, background));
    expect(second).toMatchObject({ code: "unavailable", notSent: true, message: expect.stringContaining("too early") });
    expect(second.cause).toBe(first.cause);
  });

  it("comes back to a server that does", async () => {
    const first = await serving(serveAdd());
    const client = connected({ address: first.address, maxBackoffMs: 1 });
    expect((await client.Sum({ a: 1, b: 1 }, background)).value).toBe(2);
    const handler = serveAdd();
    const listeners = first.server.listeners("connection");
    first.server.removeAllListeners("connection").on("connection", handler);
    await (listeners[0] as typeof handler).close();
    onTestFinished(async () => void (await handler.close({ timeoutMs: 1 })));
    expect((await client.Sum({ a: 1, b: 2 }, background)).value).toBe(3);
  });

  it("gives up a call that is not answered at its deadline, and at its own timeout", async () => {
    const { address } = await lying((socket) => void socket.resume());
    const client = connected({ address, timeoutMs: 50 });
    using ctx = background.withTimeout(20);
    await expect(client.Sum({ a: 1, b: 1 }, ctx)).rejects.toMatchObject({ code: "deadline_exceeded" });
    await expect(client.Sum({ a: 1, b: 1 }, background)).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("gives up a call whose context ends while it connects", async () => {
    const { address } = await lying(() => {});
    const client = connected({ address, tls: {} });
    using ctx = background.withTimeout(20);
    await expect(client.Sum({ a: 1, b: 1 }, ctx)).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("drops what is late, double or foreign, and gives each call its own reply", async () => {
    const ids: number[] = [];
    const ctx = background.withCancel();
    const { address } = await lying(
      answering((id, socket) => {
        ids.push(id);
        if (ids.length === 1) return ctx.cancel();
        const late = sumOf(ids[0]!, 111);
        const foreign = Buffer.concat([sumOf(999, 222), framed(binary("Concat", type.reply, 998))]);
        socket.write(Buffer.concat([late, foreign, sumOf(id, 333), sumOf(id, 444)]));
      }),
    );
    const client = connected({ address, framing: "framed" });
    expect(codeOf(await failure(client.Sum({ a: 1, b: 1 }, ctx)))).toBe("canceled");
    expect((await client.Sum({ a: 2, b: 1 }, background)).value).toBe(333);
    expect((await client.Sum({ a: 3, b: 1 }, background)).value).toBe(333);
  });

  it("drops them without frames as well", async () => {
    const bare = (id: number, value: number): Buffer => binary("Sum", type.reply, id, sumReply(value));
    const ctx = background.withCancel();
    const { address } = await lying((socket) => {
      socket.on("data", (chunk: Buffer) => {
        const id = chunk.readInt32BE(8 + "Sum".length);
        if (id === 1) ctx.cancel();
        else socket.write(Buffer.concat([bare(1, 1), bare(77, 2), bare(id, 3)]));
      });
    });
    const client = connected({ address, framing: "buffered" });
    expect(codeOf(await failure(client.Sum({ a: 1, b: 1 }, ctx)))).toBe("canceled");
    expect((await client.Sum({ a: 2, b: 1 }, background)).value).toBe(3);
  });

  it.each([
    ["garbage", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), "resource_exhausted"],
    ["a frame of something else", framed(Buffer.from("garbage")), "unavailable"],
    ["a frame longer than the limit", Buffer.from([0x7f, 0xff, 0xff, 0xff]), "resource_exhausted"],
    ["a call", framed(binary("Sum", type.call, 1)), "unavailable"],
    ["another method's reply", framed(binary("Concat", type.reply, 1)), "unavailable"],
    ["a reply that ends too early", framed(Buffer.from([0x80, 1, 0, 2, 0])), "unavailable"],
  ])("ends the calls in hand for %s, and goes on with another connection", async (_, bytes, code) => {
    let connections = 0;
    const { address } = await lying((socket) => {
      if (++connections > 1) return answering((id) => socket.write(sumOf(id, 5)))(socket);
      return void socket.once("data", () => socket.write(bytes));
    });
    const client = connected({ address, framing: "framed" });
    const errors = await Promise.all([1, 2].map((a) => failure(client.Sum({ a, b: 0 }, background))));
    expect(errors.map(codeOf)).toEqual([code, code]);
    expect((await client.Sum({ a: 1, b: 1 }, background)).value).toBe(5);
  });

  it("fails only the call whose reply does not fit, where frames say where it ends", async () => {
    const { address } = await lying(
      answering(
        (id, socket) =>
          void socket.write(id === 1 ? framed(binary("Sum", type.reply, id, Buffer.from([12]))) : sumOf(id, 5)),
      ),
    );
    const client = connected({ address, framing: "framed" });
    const [unfit, fit] = await Promise.allSettled([1, 2].map((a) => client.Sum({ a, b: 0 }, background)));
    expect(unfit).toMatchObject({
      reason: { code: "internal", message: "thrift: Sum: the result does not fit the IDL" },
    });
    expect(fit).toMatchObject({ value: { value: 5 } });
  });

  it("says what a reply without a result and without an exception is", async () => {
    const { address } = await lying(
      answering((id, socket) => void socket.write(framed(binary("Sum", type.reply, id)))),
    );
    const client = connected({ address, framing: "framed" });
    await expect(client.Sum({ a: 1, b: 1 }, background)).rejects.toMatchObject({
      code: "internal",
      message: "thrift: Sum: no result where the IDL has one",
    });
  });

  it("refuses to send what is over the limit, and goes on", async () => {
    const { address } = await serving(serveAdd());
    for (const framing of ["header", "buffered"] as const) {
      const client = connected({ address, framing, maxBytes: 10_000 });
      const error = await failure(client.Concat({ a: "x".repeat(10_000), b: "" }, background));
      expect(error).toMatchObject({ code: "resource_exhausted", notSent: true });
      expect((await client.Sum({ a: 1, b: 1 }, background)).value).toBe(2);
      // Each is within the limit, the reply to both is not.
      const long = client.Concat({ a: "x".repeat(5_000), b: "y".repeat(4_900) }, background);
      expect((await long).value).toHaveLength(9_900);
    }
  });

  it("refuses headers that THeader cannot say", async () => {
    const { address } = await serving(serveAdd());
    const before = [
      (_: unknown, message: { headers: Record<string, unknown> }) => void (message.headers["x"] = "y".repeat(200_000)),
    ];
    const client = connected({ address, before });
    await expect(client.Sum({ a: 1, b: 1 }, background)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("answers 10 000 calls at once, each with its own reply", async () => {
    const { address } = await serving(serveAdd());
    for (const framing of ["header", "buffered"] as const) {
      const client = connected({ address, framing });
      const calls = Array.from({ length: 10_000 }, (_, a) => client.Sum({ a, b: 1 }, background));
      expect((await Promise.all(calls)).map(({ value }) => value)).toEqual(calls.map((_, a) => a + 1));
    }
  }, 60_000);

  it("refuses calls when closed, also those that wait for a connection", async () => {
    const { address } = await lying(() => {});
    const connection = thriftConnection({ address, tls: {} });
    const client = connected({ connection });
    const call = failure(client.Sum({ a: 1, b: 1 }, background));
    await connection.close();
    expect(await call).toMatchObject({ code: "unavailable", message: "thrift: the client is closed", notSent: true });
    expect(await failure(client.Sum({ a: 1, b: 1 }, background))).toMatchObject({ notSent: true });
    await connection.close();
  });

  it("gives up connecting in time", async () => {
    const { address } = await lying(() => {});
    const client = connected({ address, tls: {}, connectTimeoutMs: 30 });
    expect(await failure(client.Sum({ a: 1, b: 1 }, background))).toMatchObject({ code: "unavailable", notSent: true });
  });

  it("speaks TLS", async () => {
    const psk = { identity: "suite", psk: Buffer.alloc(32, 7) };
    const tls = { ciphers: "PSK", maxVersion: "TLSv1.2" } as const;
    const handler = serveAdd();
    const server = createTlsServer({ ...tls, pskCallback: () => psk.psk }, handler);
    const { address } = await listening(server);
    onTestFinished(async () => {
      server.close();
      await handler.close({ timeoutMs: 1 });
    });
    const client = connected({
      address,
      tls: { ...tls, pskCallback: () => psk, checkServerIdentity: () => undefined },
    });
    expect((await client.Sum({ a: 1, b: 1 }, background)).value).toBe(2);
  });

  it("speaks over a Unix socket", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kit-thrift-"));
    const handler = serveAdd();
    const server = createServer(handler).listen(join(folder, "socket"));
    onTestFinished(async () => {
      server.close();
      await handler.close({ timeoutMs: 1 });
      await rm(folder, { recursive: true });
    });
    await once(server, "listening");
    const client = connected({ address: join(folder, "socket") });
    expect((await client.Sum({ a: 1, b: 1 }, background)).value).toBe(2);
  });
});

describe("a server in a process of its own", { timeout: 30_000 }, () => {
  async function forked() {
    const child = fork(new URL("./process.fixture.mjs", import.meta.url), ["serve"]);
    onTestFinished(() => void child.kill("SIGKILL"));
    const [port] = (await once(child, "message")) as [number];
    return { child, address: `127.0.0.1:${port}` };
  }

  it("that is stopped costs its callers their deadline, and answers when it goes on", async () => {
    const { child, address } = await forked();
    const client = connected({ address });
    expect((await client.Sum({ a: 1, b: 1 }, background)).value).toBe(2);
    child.kill("SIGSTOP");
    using ctx = background.withTimeout(100);
    const calls = Array.from({ length: 100 }, (_, a) => failure(client.Sum({ a, b: 1 }, ctx)));
    expect(new Set((await Promise.all(calls)).map(codeOf))).toEqual(new Set(["deadline_exceeded"]));
    child.kill("SIGCONT");
    expect((await client.Sum({ a: 2, b: 1 }, background)).value).toBe(3);
  });

  it("that is killed ends its callers' calls at once", async () => {
    const { child, address } = await forked();
    const client = connected({ address });
    expect((await client.Sum({ a: 1, b: 1 }, background)).value).toBe(2);
    child.kill("SIGSTOP");
    const call = failure(client.Sum({ a: 1, b: 1 }, background));
    // The call is written when the tick is over.
    setImmediate(() => child.kill("SIGKILL"));
    expect(await call).toMatchObject({ code: "unavailable" });
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    expect(await failure(client.Sum({ a: 1, b: 1 }, background))).toMatchObject({ code: "unavailable", notSent: true });
  });
});
