import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Logger, loggerFunc } from "@kit/log";
import { memoryMetrics } from "@kit/metrics";
import { drainHttp, serveHttp } from "@kit/transport-http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accessControl } from "../src/access-control.ts";
import { newCargo } from "../src/cargo/cargo.ts";
import { type Database, openDatabase } from "../src/database.ts";
import { Routing } from "../src/routing/contract.ts";
import { remoteRoutes, type Routes } from "../src/routing/routes.ts";
import { shippingHandler } from "../src/shipping.ts";
import { databaseStore, type Store } from "../src/store.ts";

let servers: Server[] = [];
let database: Database;
let store: Store;
let routes: Routes;
let base: string;
let lines: Record<string, unknown>[];
let metrics: ReturnType<typeof memoryMetrics>;
/** What the routing service does. */
let answer: RequestListener;

const logger: Logger = loggerFunc((fields) => {
  lines.push(fields);
});
const edge = {
  origin: "SESTO",
  destination: "AUMEL",
  voyage: "0301S",
  departure: "2026-12-01T00:00:00Z",
  arrival: "2026-12-20T12:30:00Z",
};
const leg = {
  voyage_number: "0301S",
  from: "SESTO",
  to: "AUMEL",
  load_time: "2026-12-01T00:00:00Z",
  unload_time: "2026-12-20T12:30:00Z",
};
const finds: RequestListener = serveHttp(Routing, {
  paths: async () => ({ paths: [{ edges: [edge] }] }),
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeEach(async () => {
  lines = [];
  metrics = memoryMetrics();
  answer = finds;
  database = await openDatabase(":memory:", () => {});
  store = databaseStore(database);
  routes = remoteRoutes(await listen((request, response) => answer(request, response)), logger);
  base = await listen(accessControl(shippingHandler({ store, routes, logger, metrics })));
  const deadline = new Date("2026-12-24T18:00:00Z");
  await store.cargos.add(newCargo("ABC123", { origin: "SESTO", destination: "AUMEL", arrivalDeadline: deadline }));
});

afterEach(async () => {
  await routes[Symbol.asyncDispose]();
  await Promise.all(servers.map((server) => drainHttp(server, { timeoutMs: 100 })));
  servers = [];
  await database.close();
});

async function ask(path: string, body?: object | string): Promise<[number, unknown]> {
  const text = typeof body === "object" ? JSON.stringify(body) : body;
  const reply = await fetch(base + path, text === undefined ? {} : { method: "POST", body: text });
  return [reply.status, await reply.json()];
}

const refused = (code: string, message: string): object => ({ error: message, code, message });

describe("booking", () => {
  const cargo = {
    arrival_deadline: "2026-12-24T18:00:00Z",
    destination: "AUMEL",
    misrouted: false,
    origin: "SESTO",
    routed: false,
    tracking_id: "ABC123",
  };

  test("books a cargo and shows it", async () => {
    const order = { origin: "SESTO", destination: "CNHKG", arrival_deadline: "2026-12-24T20:00:00.5+02:00" };
    const [status, booked] = await ask("/booking/v1/cargos", order);
    expect([status, booked]).toEqual([200, { tracking_id: expect.stringMatching(/^[\dA-F]{8}$/) }]);
    const { tracking_id } = booked as { tracking_id: string };
    const shown = { ...cargo, tracking_id, destination: "CNHKG", arrival_deadline: "2026-12-24T18:00:00.5Z" };
    expect(await ask(`/booking/v1/cargos/${tracking_id}`)).toEqual([200, { cargo: shown }]);
    const [, { cargos }] = (await ask("/booking/v1/cargos")) as [number, { cargos: unknown[] }];
    expect(cargos).toHaveLength(2);
    expect(cargos).toEqual(expect.arrayContaining([cargo, shown]));
  });

  test("routes a cargo", async () => {
    const route = { legs: [leg] };
    expect(await ask("/booking/v1/cargos/ABC123/request_routes")).toEqual([200, { routes: [route] }]);
    expect(await ask("/booking/v1/cargos/ABC123/assign_to_route", route)).toEqual([200, {}]);
    const shown = { ...cargo, routed: true, legs: [leg] };
    expect(await ask("/booking/v1/cargos/ABC123")).toEqual([200, { cargo: shown }]);
    expect(await ask("/booking/v1/cargos/ABC123/change_destination", { destination: "DEHAM" })).toEqual([200, {}]);
    const misrouted = { ...shown, misrouted: true, destination: "DEHAM" };
    expect(await ask("/booking/v1/cargos/ABC123")).toEqual([200, { cargo: misrouted }]);
  });

  test("lists the locations", async () => {
    const [, { locations }] = (await ask("/booking/v1/locations")) as [number, { locations: unknown[] }];
    expect(locations).toHaveLength(6);
    expect(locations).toContainEqual({ locode: "SESTO", name: "Stockholm" });
  });

  test.each([
    ["/booking/v1/cargos/NONE", undefined, 404, refused("not_found", "unknown cargo")],
    ["/booking/v1/cargos/NONE/request_routes", undefined, 404, refused("not_found", "unknown cargo")],
    ["/booking/v1/cargos/NONE/assign_to_route", { legs: [leg] }, 404, refused("not_found", "unknown cargo")],
    [
      "/booking/v1/cargos/NONE/change_destination",
      { destination: "SESTO" },
      404,
      refused("not_found", "unknown cargo"),
    ],
    ["/booking/v1/cargos", {}, 400, refused("invalid_argument", "invalid argument")],
    [
      "/booking/v1/cargos",
      { origin: "SESTO", destination: "AUMEL", arrival_deadline: "0001-01-01T00:00:00Z" },
      400,
      refused("invalid_argument", "invalid argument"),
    ],
    ["/booking/v1/cargos/ABC123/assign_to_route", { legs: [] }, 400, refused("invalid_argument", "invalid argument")],
    ["/booking/v1/cargos/ABC123/change_destination", {}, 400, refused("invalid_argument", "invalid argument")],
    [
      "/booking/v1/cargos/ABC123/change_destination",
      { destination: "MOON" },
      400,
      refused("invalid_argument", "unknown location"),
    ],
    ["/booking/v1/cargos", '{"origin":', 400, refused("invalid_argument", "body: not valid JSON")],
  ])("%s refuses %j", async (path, body, status, reply) => {
    expect(await ask(path, body)).toEqual([status, reply]);
  });
});

describe("handling and tracking", () => {
  const track = async (): Promise<unknown> => {
    const [, { cargo }] = (await ask("/tracking/v1/cargos/ABC123")) as [number, { cargo: unknown }];
    return cargo;
  };
  const incident = (event_type: string, day: number, location: string, voyage?: string): object => ({
    completion_time: new Date(Date.UTC(2026, 11, day)).toISOString(),
    tracking_id: "ABC123",
    voyage,
    location,
    event_type,
  });
  const handle = async (...told: Parameters<typeof incident>): Promise<void> => {
    expect(await ask("/handling/v1/incidents", incident(...told))).toEqual([200, {}]);
  };

  test("show a cargo before anything is known", async () => {
    expect(await track()).toEqual({
      tracking_id: "ABC123",
      status_text: "Not received",
      origin: "SESTO",
      destination: "AUMEL",
      eta: "0001-01-01T00:00:00Z",
      next_expected_activity: "There are currently no expected activities for this cargo.",
      arrival_deadline: "2026-12-24T18:00:00Z",
      events: [],
    });
  });

  test("follow a cargo along its route", async () => {
    await ask("/booking/v1/cargos/ABC123/assign_to_route", { legs: [leg] });
    expect(await track()).toMatchObject({
      eta: "2026-12-20T12:30:00Z",
      next_expected_activity: "Next expected activity is to receive cargo in SESTO.",
    });
    await handle("Receive", 1, "SESTO");
    expect(await track()).toMatchObject({
      status_text: "In port SESTO",
      next_expected_activity: "Next expected activity is to load cargo onto voyage 0301S in SESTO.",
    });
    await handle("Load", 2, "SESTO", "0301S");
    expect(await track()).toMatchObject({
      status_text: "Onboard voyage 0301S",
      next_expected_activity: "Next expected activity is to unload cargo off of voyage 0301S in AUMEL.",
    });
    await handle("Unload", 20, "AUMEL", "0301S");
    expect(lines).toContainEqual(expect.objectContaining({ msg: "cargo has arrived", tracking_id: "ABC123" }));
    expect(metrics.value("shipping_arrivals")).toBe(1);
    await handle("Customs", 21, "AUMEL");
    await handle("Claim", 22, "AUMEL");
    expect(await track()).toMatchObject({
      status_text: "Claimed",
      events: [
        { description: "Received in SESTO, at 2026-12-01T00:00:00Z", expected: true },
        { description: "Loaded onto voyage 0301S in SESTO, at 2026-12-02T00:00:00Z.", expected: true },
        { description: "Unloaded off voyage 0301S in AUMEL, at 2026-12-20T00:00:00Z.", expected: true },
        { description: "Cleared customs in AUMEL, at 2026-12-21T00:00:00Z.", expected: true },
        { description: "Claimed in AUMEL, at 2026-12-22T00:00:00Z.", expected: true },
      ],
    });
    expect(metrics.value("shipping_misdirections")).toBe(0);
  });

  test("notice a cargo that goes astray", async () => {
    await ask("/booking/v1/cargos/ABC123/assign_to_route", { legs: [leg] });
    await handle("Load", 2, "SESTO", "0300A");
    expect(lines).toContainEqual(expect.objectContaining({ msg: "cargo was misdirected", tracking_id: "ABC123" }));
    expect(metrics.value("shipping_misdirections")).toBe(1);
    expect(await track()).toMatchObject({
      status_text: "Onboard voyage 0300A",
      eta: "0001-01-01T00:00:00Z",
      events: [{ expected: false }],
    });
  });

  test.each([
    [{ tracking_id: "NONE" }, 404, refused("not_found", "unknown cargo")],
    [{ location: "MOON" }, 400, refused("invalid_argument", "unknown location")],
    [{ voyage: "APOLLO" }, 400, refused("invalid_argument", "unknown voyage")],
    [{ event_type: "Not Handled" }, 400, refused("invalid_argument", "invalid argument")],
    [{ completion_time: undefined }, 400, refused("invalid_argument", "invalid argument")],
  ])("refuse an incident with %j, and forget it", async (wrong, status, reply) => {
    expect(await ask("/handling/v1/incidents", { ...incident("Receive", 1, "SESTO"), ...wrong })).toEqual([
      status,
      reply,
    ]);
    expect(await track()).toMatchObject({ events: [] });
  });

  test("do not find a cargo that nobody booked", async () => {
    expect(await ask("/tracking/v1/cargos/NONE")).toEqual([404, refused("not_found", "unknown cargo")]);
  });
});

describe("a routing service that fails", () => {
  const broken: Record<string, RequestListener> = {
    "with an error": (_, response) => response.writeHead(500).end("oops"),
    "with what is not found": (_, response) => response.writeHead(404).end(),
    "with garbage": (_, response) => response.end('{"paths":[{"ed'),
    "with another shape": (_, response) => response.end('{"paths":[{"edges":[{"voyage":1}]}]}'),
    "by closing the connection": (request) => request.socket.destroy(),
    "by never answering": () => {},
  };
  test.each(Object.entries(broken))("%s leaves a cargo without routes, and booking at work", async (_, failing) => {
    answer = failing;
    expect(await ask("/booking/v1/cargos/ABC123/request_routes")).toEqual([200, {}]);
    expect(lines).toContainEqual(expect.objectContaining({ msg: "no routes", from: "SESTO", to: "AUMEL" }));
    expect((await ask("/booking/v1/cargos/ABC123"))[0]).toBe(200);
  });

  test("is left alone after twenty calls", async () => {
    let calls = 0;
    answer = (_, response) => {
      calls += 1;
      response.writeHead(503).end();
    };
    while (routes.breaker.state === "closed") await ask("/booking/v1/cargos/ABC123/request_routes");
    expect(calls).toBeGreaterThanOrEqual(20);
    const before = calls;
    expect(await ask("/booking/v1/cargos/ABC123/request_routes")).toEqual([200, {}]);
    expect(calls).toBe(before);
    expect(lines).toContainEqual(expect.objectContaining({ msg: "circuit breaker", from: "closed", to: "open" }));
  });
});

describe("every page may call", () => {
  let reply: Response;
  const allowed = (): unknown[] =>
    ["origin", "methods", "headers"].map((what) => reply.headers.get(`access-control-allow-${what}`));

  test("and ask whether it may", async () => {
    reply = await fetch(`${base}/booking/v1/cargos`, { method: "OPTIONS" });
    expect([reply.status, await reply.text()]).toEqual([200, ""]);
    expect(allowed()).toEqual(["*", "GET, POST, OPTIONS", "Origin, Content-Type"]);
  });

  test("and read what is refused", async () => {
    reply = await fetch(`${base}/booking/v1/cargos/NONE`);
    expect(reply.status).toBe(404);
    expect(allowed()[0]).toBe("*");
  });
});

test("each method is measured, by context", async () => {
  await ask("/booking/v1/cargos/ABC123");
  await ask("/tracking/v1/cargos/NONE");
  const series = [...metrics.series()].filter(({ kind }) => kind === "histogram");
  expect(series.map(({ name, labels }) => [name, labels])).toEqual([
    ["api_booking_service_request_duration_seconds", { service: "booking", method: "load", code: "ok" }],
    ["api_tracking_service_request_duration_seconds", { service: "tracking", method: "track", code: "not_found" }],
  ]);
});
