import { eventually, nats, type ServerKind, startServer, whenInstalled, whenStartable } from "@kit/servers";
import { describe, expect, it, vi } from "vitest";
import { app } from "./app.ts";
import { build, program } from "./gokit.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const go = program("stringsvc3");

/** go-kit's own, as it is. */
const theirs = (...flags: readonly string[]): ServerKind => ({
  name: "go_stringsvc",
  install: build,
  needs: [go],
  command: ({ port }) => ({ file: go, args: ["-listen", `127.0.0.1:${port}`, ...flags] }),
  probe: async (url) => (await fetch(`${url}/metrics`)).ok,
});

const ours = (step: number, ...flags: readonly string[]): ServerKind =>
  app("stringsvc", `step${step}/main.js`, "/metrics", ({ port }) => ["-listen", `127.0.0.1:${port}`, ...flags]);

async function ask(url: string, path: string, s: string): Promise<[status: number, reply: unknown]> {
  const reply = await fetch(url + path, { method: "POST", body: JSON.stringify({ s }) });
  return [reply.status, await reply.json()];
}

whenInstalled(theirs(), () => {
  describe.each([
    { name: "our proxy before go-kit's stringsvc", behind: theirs(), proxy: ours, flags: ["-proxy-timeout=20000"] },
    {
      name: "go-kit's proxy before our stringsvc",
      behind: ours(3),
      proxy: (_: number, ...flags: readonly string[]) => theirs(...flags),
      flags: [],
    },
  ])("$name", ({ behind, proxy, flags }) => {
    it("answers as either alone", async () => {
      await using one = await startServer(behind);
      await using two = await startServer(behind);
      // go-kit's proxy gives a call a quarter of a second, and the first one takes longest.
      for (const { url } of [one, two]) await ask(url, "/uppercase", "warm");
      const instances = [one, two].map(({ port }) => `127.0.0.1:${port}`).join(",");
      await using front = await startServer(proxy(3, `-proxy=${instances}`, ...flags));
      for (const s of ["foo", "bar", "hello, world"]) {
        expect(await ask(front.url, "/uppercase", s)).toEqual([200, { v: s.toUpperCase() }]);
      }
      expect(await ask(front.url, "/uppercase", "")).toEqual([200, { v: "", err: "empty string" }]);
      expect(await ask(front.url, "/count", "hello, wörld")).toEqual([200, { v: 13 }]);
      for (const { output } of [one, two]) expect(output).toMatch(/input=(foo|bar)/);
    });
  });
});

whenStartable(nats, () => {
  describe("our stringsvc on NATS", () => {
    it("shares the calls among its processes, and goes on when NATS is back", async () => {
      await using broker = await startServer(nats);
      const flags = [`-nats-url=${broker.url}`];
      await using one = await startServer(ours(4, ...flags));
      await using two = await startServer(ours(4, ...flags));
      for (const { url } of [one, two]) {
        expect(await ask(url, "/uppercase", "hello, world")).toEqual([200, { v: "HELLO, WORLD" }]);
        expect(await ask(url, "/uppercase", "")).toEqual([200, { v: "", err: "empty string" }]);
        expect(await ask(url, "/count", "hello, world")).toEqual([200, { v: 12 }]);
      }
      await one.kill();
      for (let i = 0; i < 10; i += 1) expect(await ask(two.url, "/count", "four")).toEqual([200, { v: 4 }]);

      await broker.kill();
      expect(await eventually(async () => (await ask(two.url, "/count", "four"))[0] === 503)).toBe(true);
      await broker.restart();
      expect(await eventually(async () => (await ask(two.url, "/count", "four"))[0] === 200)).toBe(true);
      await two.stop();
    });
  });
});
