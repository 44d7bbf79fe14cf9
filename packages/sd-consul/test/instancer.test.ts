import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { background, codeOf } from "@kit/endpoint";
import { firstInstances, type Instancer } from "@kit/sd";
import { describe, expect, it, vi } from "vitest";
import { consulInstancer } from "../src/index.ts";
import { clientOf } from "./workbench.ts";

// A stand-in for Consul, for answers that the real one cannot be made to give.

type Answer = (url: URL, response: ServerResponse, request: IncomingMessage) => void;

async function standIn(answer: Answer): Promise<AsyncDisposable & { readonly port: number; readonly asked: URL[] }> {
  const asked: URL[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://consul");
    asked.push(url);
    answer(url, response, request);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const entry = (port: number, service: object = {}): object => ({
  Node: { Address: "10.0.0.0" },
  Service: { Address: "", Port: port, Tags: [], Meta: {}, Weights: { Passing: 1, Warning: 1 }, ...service },
});

function reply(response: ServerResponse, index: number | string, entries: unknown): void {
  response.setHeader("x-consul-index", String(index));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(entries));
}

/** Answers the first queries one after the other and leaves the next one waiting, as Consul does until something changes. */
function inTurn(...answers: Answer[]): Answer {
  return (...call) => answers.shift()?.(...call);
}

const once1 = (entries: readonly object[]): Answer => inTurn((_, response) => reply(response, 1, entries));
const addresses = async (instancer: Instancer): Promise<string[]> =>
  (await firstInstances(instancer, background.withTimeout(10_000))).map(({ address }) => address);

function untilError(instancer: Instancer): Promise<Error> {
  return new Promise((resolve) => void instancer.subscribe(({ error }) => error !== undefined && resolve(error)));
}

describe("consulInstancer", () => {
  it("TestInstancer: lists what is there", async () => {
    await using consul = await standIn(once1([entry(8000), entry(8001, { Address: "10.0.0.10" })]));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search" });
    expect(await addresses(instancer)).toEqual(["10.0.0.0:8000", "10.0.0.10:8001"]);
  });

  it("TestInstancerNoService: lists nothing of a service that is not there", async () => {
    await using consul = await standIn(once1([]));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "feed" });
    expect(await addresses(instancer)).toEqual([]);
  });

  it("TestInstancerWithTags: has Consul look for the first tag and looks for the others itself", async () => {
    const entries = [entry(1, { Tags: ["api", "v1"] }), entry(2, { Tags: ["api", "v2"] }), entry(3, { Tags: null })];
    await using consul = await standIn(once1(entries));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search", tags: ["api", "v2"] });
    expect(await addresses(instancer)).toEqual(["10.0.0.0:2"]);
    expect(consul.asked[0]?.searchParams.getAll("tag")).toEqual(["api"]);
    expect(consul.asked[0]?.pathname).toBe("/v1/health/service/search");
  });

  it("TestInstancerAddressOverride: takes the service's address before its node's", async () => {
    await using consul = await standIn(once1([entry(9000, { Address: "10.0.0.10" })]));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search" });
    expect(await addresses(instancer)).toEqual(["10.0.0.10:9000"]);
  });

  it("puts an IPv6 address into brackets", async () => {
    await using consul = await standIn(once1([entry(9000, { Address: "fe80::1" })]));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search" });
    expect(await addresses(instancer)).toEqual(["[fe80::1]:9000"]);
  });

  it("asks for passing instances, or for all", async () => {
    await using consul = await standIn((_, response) => reply(response, 1, []));
    for (const passingOnly of [true, false]) {
      await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search", passingOnly });
      await addresses(instancer);
      expect(consul.asked.at(-1)?.searchParams.has("passing")).toBe(passingOnly);
    }
  });

  it("TestInstancerWithEOF: asks again after a connection that broke off, and keeps its list", async () => {
    await using consul = await standIn(
      inTurn(
        (_, response) => reply(response, 1, [entry(1)]),
        (_, response) => response.destroy(),
        (_, response) => reply(response, 2, [entry(2)]),
      ),
    );
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search", minQueryMs: 1 });
    const told: string[] = [];
    await new Promise<void>((resolve) => {
      instancer.subscribe(({ instances, error }) => {
        told.push(instances?.[0]?.address ?? codeOf(error));
        if (told.length === 3) resolve();
      });
    });
    expect(told).toEqual(["10.0.0.0:1", "unavailable", "10.0.0.0:2"]);
  });

  it.each([0, -1, "", "abc", 1.5])("TestInstancerWithInvalidIndex: backs off from index %j", async (index) => {
    await using consul = await standIn((_, response) => reply(response, index, [entry(1)]));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search", minQueryMs: 1 });
    expect((await untilError(instancer)).message).toBe("Consul gave no sane index");
    await vi.waitUntil(() => consul.asked.length >= 3);
    expect(consul.asked.every(({ searchParams }) => searchParams.get("index") === "0")).toBe(true);
  });

  it("TestInstancerLoopIndex: waits for what comes after the last index", async () => {
    let index = 0;
    await using consul = await standIn((_, response) => reply(response, (index += 3), []));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search", minQueryMs: 1 });
    await vi.waitUntil(() => consul.asked.length >= 4);
    expect(instancer.status.state).toBe("fresh");
    expect(consul.asked.slice(0, 4).map(({ searchParams }) => searchParams.get("index"))).toEqual(["0", "3", "6", "9"]);
    expect(consul.asked[1]?.searchParams.get("wait")).toBe("30000ms");
  });

  it("begins anew when the index goes back", async () => {
    const indexes = [9, 2, 3];
    await using consul = await standIn((_, response) => {
      const index = indexes.shift();
      if (index !== undefined) reply(response, index, [entry(index)]);
    });
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search", minQueryMs: 1 });
    await vi.waitUntil(() => consul.asked.length === 4);
    expect(consul.asked.map(({ searchParams }) => searchParams.get("index"))).toEqual(["0", "9", "0", "3"]);
    expect(await addresses(instancer)).toEqual(["10.0.0.0:3"]);
  });

  it("leaves time between queries that are answered at once", async () => {
    let index = 0;
    await using consul = await standIn((_, response) => reply(response, ++index, []));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search", minQueryMs: 50 });
    const started = performance.now();
    await vi.waitUntil(() => consul.asked.length >= 5, { interval: 10, timeout: 30_000 });
    // A timer may fire up to a millisecond early.
    expect(performance.now() - started).toBeGreaterThan(4 * 49);
    expect(instancer.status.state).toBe("fresh");
  });

  it("goes to the next of several when one fails", async () => {
    await using away = await standIn((_, response) => response.writeHead(500).end());
    await using consul = await standIn(once1([entry(1)]));
    const client = [clientOf(away.port), clientOf(consul.port)];
    await using instancer = consulInstancer({ client, service: "search" });
    expect(await addresses(instancer)).toEqual(["10.0.0.0:1"]);
  });

  it.each([
    [401, "unauthenticated"],
    [403, "permission_denied"],
    [500, "unavailable"],
  ])("tells a %i as %s, without Consul's words", async (status, code) => {
    await using consul = await standIn((_, response) => response.writeHead(status).end("token 1234 is not for you"));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search" });
    const error = await untilError(instancer);
    expect(codeOf(error)).toBe(code);
    expect(error.message).toBe(`Consul answered ${status}`);
  });

  it.each(["null", "{}", "[", "<html>", '"a"'])("tells %s as unavailable", async (body) => {
    await using consul = await standIn((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "x-consul-index": "1" }).end(body);
    });
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search" });
    expect(codeOf(await untilError(instancer))).toBe("unavailable");
  });

  it("ignores entries that make no sense, and tells of them", async () => {
    const errors: string[] = [];
    const bad = [null, 1, {}, entry(1, { Port: "x" }), entry(1, { Meta: { "kit-weight": "much" } })];
    await using consul = await standIn(once1([...bad, entry(2)] as object[]));
    const client = clientOf(consul.port);
    await using instancer = consulInstancer({
      client,
      service: "search",
      onError: ({ message }) => void errors.push(message),
    });
    expect(await addresses(instancer)).toEqual(["10.0.0.0:2"]);
    expect(errors).toHaveLength(bad.length);
    expect(errors[0]).toMatch(/^an entry of search is ignored: /);
  });

  it("takes Consul's own weight where nothing else is said, but for the 1 that it says of everybody", async () => {
    const weighted = (port: number, passing: number): object => entry(port, { Weights: { Passing: passing } });
    await using consul = await standIn(once1([weighted(1, 1), weighted(2, 7)]));
    await using instancer = consulInstancer({ client: clientOf(consul.port), service: "search" });
    expect(await firstInstances(instancer, background.withTimeout(10_000))).toEqual([
      { address: "10.0.0.0:1" },
      { address: "10.0.0.0:2", weight: 7 },
    ]);
  });

  it.each([
    [{ client: [] }, "client must be"],
    [{ client: {} }, "client must be"],
    [{ service: "" }, "service must be"],
    [{ tags: "api" }, "tags must be"],
    [{ waitMs: 10 }, "waitMs must be"],
    [{ minQueryMs: 0 }, "minQueryMs must be"],
  ])("refuses %j", (wrong, message) => {
    const options = { client: clientOf(1), service: "search", ...wrong } as never;
    expect(() => consulInstancer(options)).toThrow(TypeError);
    expect(() => consulInstancer(options)).toThrow(`consulInstancer: ${message}`);
  });
});
