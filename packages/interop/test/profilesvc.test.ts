import { profilesClient } from "@kit-apps/profilesvc/client";
import { background } from "@kit/endpoint";
import {
  consul,
  eventually,
  postgres,
  type Server,
  type ServerKind,
  startServer,
  tcpProxy,
  whenInstalled,
  whenStartable,
} from "@kit/servers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { app } from "./app.ts";
import { build, program } from "./gokit.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const go = program("profilesvc");

/** go-kit's own, as it is. */
const theirs: ServerKind = {
  name: "go_profilesvc",
  install: build,
  needs: [go],
  command: ({ port }) => ({ file: go, args: ["-http.addr", `127.0.0.1:${port}`] }),
  probe: async (url) => (await fetch(`${url}/profiles/nobody`)).status === 404,
};

const ours = (...flags: readonly string[]): ServerKind =>
  app("profilesvc", "main.js", "/readyz", ({ port }) => ["-http.addr", `127.0.0.1:${port}`, ...flags]);

type Reply = readonly [status: number, reply: unknown];

async function ask(url: string, verb: string, path: string, body?: object): Promise<Reply> {
  const reply = await fetch(url + path, { method: verb, ...(body && { body: JSON.stringify(body) }) });
  return [reply.status, await reply.json()];
}

/** What is called, one after another. */
const calls: readonly (readonly [verb: string, path: string, body?: object])[] = [
  ["POST", "/profiles/", { id: "1234", Name: "Go Kit" }],
  ["GET", "/profiles/1234"],
  ["POST", "/profiles/", { id: "1234", name: "again" }],
  ["GET", "/profiles/nobody"],
  ["PUT", "/profiles/5", { id: "5", name: "five", addresses: [{ id: "b", location: "Berlin" }, { id: "a" }] }],
  ["GET", "/profiles/5"],
  ["PATCH", "/profiles/5", { name: "fünf" }],
  ["PATCH", "/profiles/5", { ID: "6" }],
  ["PATCH", "/profiles/nobody", { name: "x" }],
  ["GET", "/profiles/5/addresses/"],
  ["GET", "/profiles/1234/addresses/"],
  ["POST", "/profiles/1234/addresses/", { ID: "home", LOCATION: "Köln" }],
  ["POST", "/profiles/1234/addresses/", { id: "home" }],
  ["POST", "/profiles/nobody/addresses/", { id: "home" }],
  ["GET", "/profiles/1234/addresses/home"],
  ["GET", "/profiles/1234/addresses/away"],
  ["DELETE", "/profiles/5/addresses/b"],
  ["DELETE", "/profiles/5/addresses/b"],
  ["GET", "/profiles/5"],
  ["PATCH", "/profiles/5", { addresses: [{ id: "z" }] }],
  ["GET", "/profiles/5"],
  ["DELETE", "/profiles/5"],
  ["DELETE", "/profiles/5"],
  ["GET", "/profiles/5/addresses/"],
];

whenInstalled(theirs, () => {
  it("answers every call as go-kit's profilesvc, with the code beside its error", async () => {
    await using goKit = await startServer(theirs);
    await using node = await startServer(ours("-database=:memory:"));
    for (const call of calls) {
      const [status, reply] = await ask(goKit.url, ...call);
      expect([call, ...(await ask(node.url, ...call))]).toEqual([
        call,
        status,
        expect.objectContaining(reply as object),
      ]);
    }
  });
});

whenStartable(postgres, () => {
  describe("on PostgreSQL", () => {
    let database: Server;
    beforeAll(async () => {
      database = await startServer(postgres);
    });
    afterAll(() => database?.[Symbol.asyncDispose]());

    it("says that the database is away, and goes on with what was kept", async () => {
      await using node = await startServer(ours(`-database=${database.url}`));
      expect(await ask(node.url, "POST", "/profiles/", { id: "kept", name: "Kept" })).toEqual([200, {}]);
      await database.kill();
      expect(await ask(node.url, "GET", "/profiles/kept")).toMatchObject([
        503,
        { error: "the database does not answer" },
      ]);
      expect(await eventually(async () => (await ask(node.url, "GET", "/readyz"))[0] === 503)).toBe(true);
      await database.restart();
      expect(await eventually(async () => (await ask(node.url, "GET", "/readyz"))[0] === 200)).toBe(true);
      expect(await ask(node.url, "GET", "/profiles/kept")).toEqual([200, { profile: { id: "kept", name: "Kept" } }]);
      await node.stop();
      expect(node.output).toContain('reason="received signal SIGTERM"');
    });

    it("waits no longer than it must for a network that is silent or talks nonsense", async () => {
      await using network = await tcpProxy(database.port);
      await using node = await startServer(ours(`-database=postgres://postgres@127.0.0.1:${network.port}`));
      const get = (): Promise<Reply> => ask(node.url, "GET", "/profiles/nobody");
      const away = [503, expect.objectContaining({ error: "the database does not answer" })];
      for (const fault of [network.cut, network.garble]) {
        expect((await get())[0]).toBe(404);
        fault();
        expect(await Promise.all([get(), get(), get()])).toEqual([away, away, away]);
        network.heal();
        expect(await eventually(async () => (await get())[0] === 404)).toBe(true);
      }
    });

    it("starts in many processes at once", async () => {
      await database.restart({ wipe: true });
      const nodes = await Promise.all([1, 2, 3].map(() => startServer(ours(`-database=${database.url}`))));
      for (const { url } of nodes) expect((await ask(url, "GET", "/readyz"))[0]).toBe(200);
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    });

    whenInstalled(consul, () => {
      it("is found in Consul, and goes on when an instance dies", async () => {
        await using registry = await startServer(consul);
        const flags = [`-database=${database.url}`, `-registry=${registry.url}`];
        await using one = await startServer(ours(...flags));
        await using two = await startServer(ours(...flags));
        const listed = async (): Promise<{ ServiceTags: string[] }[]> =>
          (await fetch(`${registry.url}/v1/catalog/service/profilesvc`)).json() as Promise<{ ServiceTags: string[] }[]>;
        expect(await eventually(async () => (await listed()).length === 2)).toBe(true);
        expect((await listed()).map(({ ServiceTags }) => ServiceTags)).toEqual([["prod"], ["prod"]]);

        await using client = await profilesClient({ registry: registry.url, timeoutMs: 20_000 });
        await client.postProfile({ id: "found", name: "Found" }, background);
        for (let i = 0; i < 4; i += 1) await client.getProfile({ profileID: "found" }, background);
        for (const { output } of [one, two]) expect(output).toContain("method=getProfile");
        await one.kill();
        for (let i = 0; i < 10; i += 1) {
          expect((await client.getProfile({ profileID: "found" }, background)).profile.name).toBe("Found");
        }
        await two.stop();
        expect(await eventually(async () => (await listed()).length === 1)).toBe(true);
      });
    });
  });
});
