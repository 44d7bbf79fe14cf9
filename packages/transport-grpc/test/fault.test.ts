import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { background, codeOf } from "@kit/endpoint";
import { expect, it, onTestFinished } from "vitest";
import { type GrpcCodec, grpcService } from "../src/index.ts";
import { connected, rejection } from "./serving.ts";

const number: GrpcCodec<number, number> = {
  encode: (value) => Buffer.from(String(value)),
  decode: (bytes) => Number(Buffer.from(bytes).toString()),
};
const codecs = { requestCodec: number, responseCodec: number };
const Numbers = grpcService({
  name: "numbers",
  methods: {
    square: { ...codecs, path: "/fault.Numbers/Square" },
    hang: { ...codecs, path: "/fault.Numbers/Hang" },
    count: { ...codecs, path: "/fault.Numbers/Count", responseStream: true },
  },
});

const patienceMs = 120_000;

/** A server in a process of its own, until the test is over. */
async function peer(port = 0): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const fixture = fileURLToPath(new URL("./peer.fixture.mjs", import.meta.url));
  const child = spawn(process.execPath, [fixture, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return { child, port: Number(said.toString()) };
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

it(
  "fails the calls in hand when the server is killed, and finds it again when it is back",
  { timeout: patienceMs },
  async () => {
    const { child, port } = await peer();
    const client = connected(Numbers, `127.0.0.1:${port}`, { channel: { "grpc.initial_reconnect_backoff_ms": 100 } });
    expect(await client.square(3, background)).toBe(9);
    const stream = await client.count(1, background);
    const hanging = [1, 2, 3].map((value) => rejection(client.hang(value, background)));
    const reading = rejection(
      (async () => {
        for await (const _ of stream);
      })(),
    );
    await client.square(4, background);
    await killed(child);
    for (const error of await Promise.all([...hanging, reading])) {
      expect(codeOf(error)).toBe("unavailable");
      // It had left; who knows what became of it.
      expect(error).not.toHaveProperty("notSent");
    }
    expect(await rejection(client.square(2, background))).toMatchObject({ code: "unavailable", notSent: true });
    await peer(port);
    await expect.poll(() => client.square(5, background).catch(codeOf), { timeout: 30_000 }).toBe(25);
  },
);

it(
  "lets no call outlive its deadline while the server is stopped, and goes on with it afterwards",
  { timeout: patienceMs },
  async () => {
    const { child, port } = await peer();
    const client = connected(Numbers, `127.0.0.1:${port}`);
    expect(await client.square(3, background)).toBe(9);
    child.kill("SIGSTOP");
    const contexts = [1, 2, 3].map(() => background.withTimeout(200));
    const errors = await Promise.all(contexts.map((ctx) => rejection(client.square(2, ctx))));
    expect(errors.map(codeOf)).toEqual(["deadline_exceeded", "deadline_exceeded", "deadline_exceeded"]);
    child.kill("SIGCONT");
    expect(await client.square(6, background)).toBe(36);
  },
);

it("notices a server that is stopped by its pings, where they are asked for", { timeout: patienceMs }, async () => {
  const { child, port } = await peer();
  const channel = { "grpc.keepalive_time_ms": 1_000, "grpc.keepalive_timeout_ms": 500 };
  const client = connected(Numbers, `127.0.0.1:${port}`, { channel });
  expect(await client.square(3, background)).toBe(9);
  const hanging = rejection(client.hang(1, background));
  child.kill("SIGSTOP");
  expect(codeOf(await hanging)).toBe("unavailable");
  child.kill("SIGCONT");
});

it("answers ten thousand calls at once, each with its own reply", { timeout: patienceMs }, async () => {
  const { port } = await peer();
  const client = connected(Numbers, `127.0.0.1:${port}`);
  const values = Array.from({ length: 10_000 }, (_, n) => n);
  const squares = await Promise.all(values.map((value) => client.square(value, background)));
  expect(squares).toEqual(values.map((value) => value * value));
});

it("ends ten thousand calls that nobody answers at their deadline", { timeout: patienceMs }, async () => {
  const { port } = await peer();
  const client = connected(Numbers, `127.0.0.1:${port}`);
  await client.square(1, background);
  using ctx = background.withTimeout(1_000);
  const calls = Array.from({ length: 10_000 }, (_, n) => rejection(client.hang(n, ctx)));
  expect(new Set((await Promise.all(calls)).map(codeOf))).toEqual(new Set(["deadline_exceeded"]));
  // So many at once are an attack to Node's http2, which closes the connection; there will be another.
  await expect.poll(() => client.square(7, background).catch(codeOf), { timeout: 30_000 }).toBe(49);
});
