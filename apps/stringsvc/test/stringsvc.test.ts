import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";

const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** One step as `npm run stepN -- <flags>` runs it. */
interface Program {
  /** Where it listens. */
  readonly url: string;
  /** What it has printed so far. */
  readonly lines: readonly string[];
  /** Resolves with a line, past or to come, that is like this. */
  line(pattern: RegExp): Promise<string>;
  /** Asks it to stop. @returns its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

function run(step: number, ...flags: string[]): { child: ChildProcess; lines: string[]; read: Promise<void> } {
  const child = spawn(process.execPath, [file(`dist/step${step}/main.js`), ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  running.add(child);
  const lines: string[] = [];
  const reader = createInterface(child.stderr);
  reader.on("line", (line) => {
    lines.push(line);
    child.emit("told");
  });
  return { child, lines, read: once(reader, "close").then(() => {}) };
}

async function start(step: number, ...flags: string[]): Promise<Program> {
  const { child, lines, read } = run(step, "-listen=:0", ...flags);
  let ended = false;
  void read.then(() => {
    ended = true;
    child.emit("told");
  });
  const line = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = lines.find((one) => pattern.test(one));
      if (found !== undefined) return found;
      if (ended) throw new Error(`it ended without ${pattern}:\n${lines.join("\n")}`);
      await once(child, "told");
    }
  };
  const listening = /(?:listens on http:\/\/|msg=HTTP addr=)(\S+)$/;
  const [, address] = listening.exec(await line(listening))!;
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> => {
    const exit = once(child, "exit");
    child.kill(signal);
    return (await exit)[0];
  };
  return { url: `http://${address}`, lines, line, stop };
}

/** One that ends by itself. */
async function failing(step: number, ...flags: string[]): Promise<[code: number, told: string]> {
  const { child, lines, read } = run(step, ...flags);
  const [[code]] = await Promise.all([once(child, "exit"), read]);
  return [code, lines.join("\n")];
}

async function ask(url: string, path: string, body: string): Promise<[status: number, reply: unknown]> {
  const reply = await fetch(url + path, { method: "POST", body });
  return [reply.status, await reply.json()];
}

test("each step has the contract and the business of the one before", () => {
  for (const name of ["contract.ts", "service.ts"]) {
    const [first, ...others] = [1, 2, 3, 4].map((step) => readFileSync(file(`src/step${step}/${name}`), "utf8"));
    for (const other of others) expect(other).toBe(first);
  }
  for (const name of ["logging.ts", "metrics.ts"]) {
    expect(readFileSync(file(`src/step3/${name}`), "utf8")).toBe(readFileSync(file(`src/step2/${name}`), "utf8"));
  }
});

describe.each([1, 2, 3])("step %i", (step) => {
  test("answers as go-kit's stringsvc (TestPactStringsvcUppercase)", async () => {
    const { url } = await start(step);
    expect(await ask(url, "/uppercase", '{"s":"foo"}')).toEqual([200, { v: "FOO" }]);
    expect(await ask(url, "/uppercase", '{"s":"hello, world"}')).toEqual([200, { v: "HELLO, WORLD" }]);
    expect(await ask(url, "/uppercase", '{"s":""}')).toEqual([200, { v: "", err: "empty string" }]);
    expect(await ask(url, "/count", '{"s":"hello, world"}')).toEqual([200, { v: 12 }]);
    expect(await ask(url, "/count", '{"s":"é"}')).toEqual([200, { v: 2 }]);
  }, 60_000);

  test("refuses what is no request, in a sentence", async () => {
    const { url } = await start(step);
    expect(await ask(url, "/uppercase", "nope")).toEqual([
      400,
      { code: "invalid_argument", message: "body: not valid JSON" },
    ]);
    expect(await ask(url, "/count", '{"s":1}')).toMatchObject([400, { details: { issues: [{ path: "s" }] } }]);
  }, 60_000);

  test.each(["SIGINT", "SIGTERM"] as const)(
    "stops cleanly on %s",
    async (signal) => {
      const { url, stop } = await start(step);
      expect(await stop(signal)).toBe(0);
      await expect(ask(url, "/count", '{"s":""}')).rejects.toThrow("fetch failed");
    },
    60_000,
  );

  test("says in a sentence what is wrong with its flags", async () => {
    expect(await failing(step, "-nope")).toEqual([2, expect.stringContaining("stringsvc: Unknown option '--nope'")]);
    expect(await failing(step, "-listen=80")).toEqual([
      2,
      expect.stringMatching(/^stringsvc: --listen is like :8080, not "80"$/m),
    ]);
    expect(await failing(step, "-listen=:65536")).toEqual([
      2,
      expect.stringMatching(/^stringsvc: there is no port 65536$/m),
    ]);
  }, 60_000);

  test("says in a sentence that its port is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const [code, told] = await failing(step, `-listen=:${port}`);
    expect(code).toBe(2);
    expect(told).toContain(`stringsvc: port ${port} is in use: choose another with --listen`);
    expect(told).not.toContain("    at ");
    server.close();
  }, 60_000);
});

describe("step 2", () => {
  test("logs each call in the words of the business", async () => {
    const { url, line } = await start(2);
    await ask(url, "/uppercase", '{"s":"hello, world"}');
    await ask(url, "/uppercase", '{"s":""}');
    await ask(url, "/count", '{"s":"hello, world"}');
    expect(await line(/WORLD/)).toMatch(
      /^method=uppercase input="hello, world" output="HELLO, WORLD" err=null took_ms=[\d.]+$/,
    );
    expect(await line(/empty/)).toMatch(/^method=uppercase input= output= err="empty string" took_ms=[\d.]+$/);
    expect(await line(/n=12/)).toMatch(/^method=count input="hello, world" n=12 took_ms=[\d.]+$/);
  }, 60_000);

  test("counts and times calls by method and outcome", async () => {
    const { url } = await start(2);
    for (const s of ["a", "b", ""]) await ask(url, "/uppercase", JSON.stringify({ s }));
    for (const s of ["four", "sixsix"]) await ask(url, "/count", JSON.stringify({ s }));
    const page = await (await fetch(`${url}/metrics`)).text();
    const metric = (name: string): number => Number(page.split(`my_group_string_service_${name} `)[1]?.split("\n")[0]);
    expect(metric('request_count_total{method="uppercase",error="false"}')).toBe(2);
    expect(metric('request_count_total{method="uppercase",error="true"}')).toBe(1);
    expect(metric('request_count_total{method="count",error="false"}')).toBe(2);
    expect(metric('request_latency_microseconds_count{method="uppercase",error="false"}')).toBe(2);
    expect(metric('request_latency_microseconds_sum{method="count",error="false"}')).toBeGreaterThan(1);
    expect(metric("count_result_sum")).toBe(10);
    expect(metric('count_result{quantile="0.99"}')).toBe(6);
  }, 60_000);
});

describe("step 3", () => {
  const upper = async (url: string, s: string): Promise<unknown> => (await ask(url, "/uppercase", `{"s":"${s}"}`))[1];
  // Time for a busy machine, in place of go-kit's 250 ms.
  const patient = "-proxy-timeout=20000";
  const addressOf = ({ url }: Program): string => url.replace("http://", "");

  test("has each instance do uppercase in its turn, and counts by itself", async () => {
    const instances = await Promise.all([start(3), start(3), start(3)]);
    const { url, line } = await start(3, `-proxy=${instances.map(addressOf).join(",")}`, patient);
    for (const s of ["foo", "bar", "baz"]) expect(await upper(url, s)).toEqual({ v: s.toUpperCase() });
    for (const [index, s] of ["foo", "bar", "baz"].entries()) {
      expect(await instances[index]!.line(new RegExp(`input=${s}`))).toContain(`output=${s.toUpperCase()} err=null`);
      expect(await line(new RegExp(`input=${s}`))).toMatch(/listen=:0 caller=logging\.js:\d+ method=uppercase/);
    }
    expect(await ask(url, "/count", '{"s":"foo"}')).toEqual([200, { v: 3 }]);
    expect(instances.flatMap(({ lines }) => lines).join()).not.toContain("method=count");
  }, 60_000);

  test("hands on a business error as the answer that it is", async () => {
    const instance = await start(3);
    const { url } = await start(3, `-proxy= ${instance.url} ,`, patient);
    expect(await ask(url, "/uppercase", '{"s":""}')).toEqual([200, { v: "", err: "empty string" }]);
    expect(instance.lines.filter((line) => line.includes("uppercase"))).toHaveLength(1);
  }, 60_000);

  test("goes on without the instances that died, and answers 503 when none is left", async () => {
    const instances = await Promise.all([start(3), start(3), start(3)]);
    const { url, line } = await start(3, `-proxy=${instances.map(addressOf).join(",")}`, patient);
    await instances[0].stop("SIGKILL");
    for (let i = 0; i < 24; i += 1) expect(await upper(url, "foo")).toEqual({ v: "FOO" });
    expect(await line(/breaker=/)).toContain(`breaker=${addressOf(instances[0])} from=closed to=open`);
    await Promise.all([instances[1].stop("SIGKILL"), instances[2].stop("SIGKILL")]);
    expect(await ask(url, "/uppercase", '{"s":"foo"}')).toMatchObject([503, { code: "unavailable" }]);
    expect(await line(/err="/)).toContain("method=uppercase input=foo");
  }, 60_000);

  test("says in a sentence what is wrong with an instance", async () => {
    expect(await failing(3, "-proxy-timeout=soon")).toEqual([
      2,
      expect.stringContaining("--proxy-timeout is a number of milliseconds"),
    ]);
    expect(await failing(3, "-proxy=localhost:8001,:8002")).toEqual([2, expect.stringContaining('no ":8002"')]);
  }, 60_000);
});

test("step 4 says in a sentence that there is no NATS", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.close();
  expect(await failing(4, `-nats-url=${url}`)).toEqual([
    2,
    `stringsvc: no NATS at ${url} (connection refused): start nats-server, or say where it is with --nats-url`,
  ]);
}, 60_000);
