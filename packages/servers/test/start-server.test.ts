import { createSocket } from "node:dgram";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { get } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type ServerKind,
  etcd,
  outage,
  serverPool,
  startServer,
  tcpProxy,
  udpProxy,
  whenStartable,
} from "../src/index.ts";
import { missingNeeds } from "../src/installed.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Node itself as a server that says how often it has been started: `count` is its data. */
const script = `
  const { readFileSync, writeFileSync } = require("node:fs");
  let count = 0;
  try { count = Number(readFileSync("count", "utf8")); } catch {}
  writeFileSync("count", String(++count));
  require("node:http").createServer((_, response) => response.end("start " + count)).listen(process.argv[1], "127.0.0.1");
  console.log("ready");
`;

const counting: ServerKind = {
  name: "counting",
  install: "nothing",
  needs: [process.execPath],
  command: ({ port }) => ({ file: process.execPath, args: ["-e", script, String(port)] }),
  probe: async (url) => (await ask(url)).startsWith("start"),
};

function ask(url: string, timeout = 10_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout }, (response) => {
      response.setEncoding("utf8").on("data", resolve);
    });
    request.on("error", reject).on("timeout", () => request.destroy(new Error("silent")));
  });
}

afterEach(() => void vi.unstubAllEnvs());

describe("a server", () => {
  it("serves where it says, with its output at hand", async () => {
    await using server = await startServer(counting);
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect(await ask(server.url)).toBe("start 1");
    expect(server.output).toContain("ready");
  });

  it("restarts on its port with its data, or without", async () => {
    await using server = await startServer(counting);
    await server.kill();
    await expect(ask(server.url)).rejects.toThrow("ECONNREFUSED");
    await server.restart();
    expect(await ask(server.url)).toBe("start 2");
    await server.restart({ wipe: true });
    expect(await ask(server.url)).toBe("start 1");
    await server.stop();
    await expect(ask(server.url)).rejects.toThrow("ECONNREFUSED");
  });

  it("is silent while it is paused", async () => {
    await using server = await startServer(counting);
    server.pause();
    await expect(ask(server.url, 200)).rejects.toThrow("silent");
    server.resume();
    expect(await ask(server.url)).toBe("start 1");
  });

  it("is gone with its folder once it is disposed of, even paused", async () => {
    const server = await startServer(counting);
    server.pause();
    await server[Symbol.asyncDispose]();
    await expect(ask(server.url)).rejects.toThrow("ECONNREFUSED");
    await expect(access(server.place.directory)).rejects.toThrow("ENOENT");
  });

  it("that ends at once is told with what it printed", async () => {
    const broken: ServerKind = {
      ...counting,
      command: () => ({ file: process.execPath, args: ["-e", "console.error('no such flag'); process.exit(2)"] }),
    };
    await expect(startServer(broken)).rejects.toThrow(/counting ended at once\nno such flag/);
  });

  it("that never serves is given up and killed", async () => {
    const mute: ServerKind = { ...counting, startMs: 300, probe: async () => false };
    await expect(startServer(mute)).rejects.toThrow("counting does not serve after 300 ms");
  });

  it("of KIT_<NAME>_URL is used and not hurt", async () => {
    await using own = await startServer(counting);
    vi.stubEnv("KIT_COUNTING_URL", own.url);
    await using given = await startServer(counting);
    expect(given).toMatchObject({ url: own.url, port: own.port });
    expect(() => given.kill()).toThrow("KIT_COUNTING_URL is not ours to hurt");
  });

  it("says what it needs and does not find", () => {
    expect(missingNeeds({ ...counting, needs: ["no-such-daemon", "/no/such.jar", "sh"] })).toEqual([
      "no-such-daemon",
      "/no/such.jar",
    ]);
  });
});

describe("a proxy", () => {
  it("carries, is cut without a word, and heals", async () => {
    await using server = await startServer(counting);
    await using proxy = await tcpProxy(server.port);
    const url = `http://127.0.0.1:${proxy.port}`;
    expect(await ask(url)).toBe("start 1");

    const open = connect(proxy.port, "127.0.0.1");
    await once(open, "connect");
    await vi.waitUntil(() => proxy.connections === 1);
    proxy.cut();
    await expect(ask(url, 200)).rejects.toThrow("silent");
    open.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const reset = once(open, "error");
    proxy.heal();
    expect(await reset).toMatchObject([{ code: "ECONNRESET" }]);
    expect(await ask(url)).toBe("start 1");
  });

  it("turns answers into nonsense, also on connections that are open", async () => {
    await using server = await startServer(counting);
    await using proxy = await tcpProxy(server.port);
    const open = connect(proxy.port, "127.0.0.1").setEncoding("latin1");
    await once(open, "connect");
    proxy.garble();
    open.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const [text] = (await once(open, "data")) as [string];
    expect(text).toMatch(/^nonsense nonsense /);
    open.on("error", () => {});
    proxy.heal();
    await vi.waitUntil(() => proxy.connections === 0);
    expect(await ask(`http://127.0.0.1:${proxy.port}`)).toBe("start 1");
  });
});

describe("a proxy of datagrams", () => {
  it("carries, turns answers into nonsense, is cut without a word, and heals", async () => {
    const echo = createSocket("udp4");
    echo.on("message", (bytes, { port, address }) => echo.send(bytes, port, address));
    const client = createSocket("udp4");
    for (const socket of [echo, client]) await once(socket.bind(0, "127.0.0.1"), "listening");
    await using proxy = await udpProxy(echo.address().port);
    const heard: string[] = [];
    client.on("message", (bytes) => void heard.push(String(bytes)));
    const say = (text: string): void => client.send(text, proxy.port, "127.0.0.1");
    say("one");
    await vi.waitUntil(() => heard.length === 1);
    proxy.garble();
    say("two");
    await vi.waitUntil(() => heard.length === 2);
    proxy.cut();
    say("three");
    await vi.waitUntil(() => proxy.dropped === 1);
    proxy.heal();
    say("four");
    await vi.waitUntil(() => heard.length === 3);
    expect(heard).toEqual(["one", "non", "four"]);
    for (const socket of [echo, client]) socket.close();
  });
});

describe("an outage", () => {
  it("is a server that is killed, and started again where it has been", async () => {
    await using server = await startServer(counting);
    const { breakRegistry, healRegistry } = outage(server);
    await healRegistry();
    expect(await ask(server.url)).toBe("start 1");
    await breakRegistry();
    await expect(ask(server.url)).rejects.toThrow("ECONNREFUSED");
    await healRegistry();
    expect(await ask(server.url)).toBe("start 2");
  });
});

describe("a pool of servers", () => {
  it("lends each to one at a time, and starts another only then", async () => {
    await using pool = serverPool(counting);
    const [first, second] = await Promise.all([pool.lend(), pool.lend()]);
    expect(first.url).not.toBe(second.url);
    await pool.takeBack(first);
    expect(await pool.lend()).toBe(first);
  });

  it("lends none that does not serve any more", async () => {
    await using pool = serverPool(counting);
    const first = await pool.lend();
    await first.kill();
    await pool.takeBack(first);
    expect(await ask((await pool.lend()).url)).toBe("start 1");
  });
});

whenStartable(etcd, () => {
  it("starts, and keeps its data over a kill", async () => {
    await using server = await startServer(etcd);
    const call = (what: string, body: object): Promise<Record<string, unknown>> =>
      fetch(`${server.url}/v3/kv/${what}`, { method: "POST", body: JSON.stringify(body) }).then(
        (response) => response.json() as Promise<Record<string, unknown>>,
      );
    await call("put", { key: btoa("a"), value: btoa("1") });
    await server.restart();
    expect(await call("range", { key: btoa("a") })).toMatchObject({ count: "1" });
    await server.restart({ wipe: true });
    expect(await call("range", { key: btoa("a") })).not.toHaveProperty("count");
  });
});
