import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "@kit/endpoint";
import { afterAll, describe, expect, test } from "vitest";
import { assignToRoute, type Cargo, changeDestination, newCargo, nextTrackingId } from "../src/cargo/cargo.ts";
import { openDatabase } from "../src/database.ts";
import { databaseStore, type Store } from "../src/store.ts";

const temporary = mkdtempSync(join(tmpdir(), "shipping-test-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const postgres = process.env["KIT_POSTGRES_URL"];
const specification = { origin: "SESTO", destination: "AUMEL", arrivalDeadline: new Date("2026-12-24T18:00:00.250Z") };
const legs = [
  {
    voyage: "0301S",
    from: "SESTO",
    to: "AUMEL",
    loadTime: new Date("2026-12-01T00:00:00Z"),
    unloadTime: new Date("2026-12-20T12:30:00Z"),
  },
];

/** A store, and what it is opened on. */
async function open(address: string): Promise<Store & AsyncDisposable> {
  const database = await openDatabase(address, () => {});
  return { ...databaseStore(database), [Symbol.asyncDispose]: () => database.close() };
}

/** @param owners - who may have it open at one time. */
function keeps(address: string, owners: number): void {
  test("a cargo as it was, also for who opens the store later", async () => {
    const id = nextTrackingId();
    {
      await using store = await open(address);
      expect(await store.cargos.add(newCargo(id, specification))).toBe(true);
      await store.cargos.change(id, (cargo) => assignToRoute(cargo, legs));
    }
    await using later = await open(address);
    expect(await later.cargos.find(id)).toEqual({
      trackingId: id,
      routeSpecification: specification,
      itinerary: legs,
    });
    expect((await later.cargos.findAll()).map(({ trackingId }) => trackingId)).toContain(id);
  });

  test("the first cargo of an id", async () => {
    await using store = await open(address);
    const id = nextTrackingId();
    await store.cargos.add(newCargo(id, specification));
    expect(await store.cargos.add(newCargo(id, { ...specification, destination: "DEHAM" }))).toBe(false);
    expect((await store.cargos.find(id)).routeSpecification).toEqual(specification);
  });

  test("every change of a cargo, where several are made at the same time", async () => {
    const id = nextTrackingId();
    const stores = await Promise.all(Array.from({ length: owners }, () => open(address)));
    await stores[0]!.cargos.add(newCargo(id, { ...specification, destination: "" }));
    const longer = (cargo: Cargo): Cargo => changeDestination(cargo, `${cargo.routeSpecification.destination}.`);
    await Promise.all(Array.from({ length: 40 }, (_, i) => stores[i % owners]!.cargos.change(id, longer)));
    expect((await stores[0]!.cargos.find(id)).routeSpecification.destination).toBe(".".repeat(40));
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
  });

  test("nothing of a change that fails", async () => {
    await using store = await open(address);
    const id = nextTrackingId();
    await store.cargos.add(newCargo(id, specification));
    const failing = store.cargos.change(id, () => {
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    await store.cargos.change(id, (cargo) => changeDestination(cargo, "DEHAM"));
    expect((await store.cargos.find(id)).routeSpecification.destination).toBe("DEHAM");
  });

  test("no cargo that nobody booked", async () => {
    await using store = await open(address);
    const event = { type: "Claim", location: "SESTO", voyage: undefined, completedAt: new Date(0) } as const;
    const refused = [
      store.cargos.find("NONE"),
      store.cargos.change("NONE", (cargo) => cargo),
      store.events.append({ trackingId: "NONE", ...event }),
    ];
    for (const error of await Promise.all(refused.map((promise) => promise.catch((caught: unknown) => caught)))) {
      expect(codeOf(error)).toBe("not_found");
    }
  });

  test("a history in the order in which things happened, not in that of the telling", async () => {
    await using store = await open(address);
    const [id, another] = [nextTrackingId(), nextTrackingId()];
    await store.cargos.add(newCargo(id, specification));
    await store.cargos.add(newCargo(another, specification));
    const load = {
      trackingId: id,
      type: "Load",
      location: "SESTO",
      voyage: "0301S",
      completedAt: new Date("2026-12-02T00:00:00Z"),
    } as const;
    const receive = {
      trackingId: id,
      type: "Receive",
      location: "SESTO",
      voyage: undefined,
      completedAt: new Date("2026-12-01T00:00:00Z"),
    } as const;
    await store.events.append(load);
    await store.events.append(receive);
    await store.events.append({ ...receive, trackingId: another });
    const customs = { ...receive, type: "Customs" } as const;
    await store.events.append(customs);
    expect(await store.events.historyOf(id)).toEqual([receive, customs, load]);
  });

  test("every event, where several are told at the same time", async () => {
    await using store = await open(address);
    const id = nextTrackingId();
    await store.cargos.add(newCargo(id, specification));
    const event = { trackingId: id, type: "Customs", voyage: undefined, completedAt: new Date(0) } as const;
    const places = Array.from({ length: 20 }, (_, i) => `PLACE-${10 + i}`);
    await Promise.all(places.map((location) => store.events.append({ ...event, location })));
    const history = await store.events.historyOf(id);
    expect(history.map(({ location }) => location).toSorted()).toEqual(places);
  });
}

describe("SQLite keeps", () => {
  keeps(join(temporary, "shipping.db"), 1);
});

describe.skipIf(postgres === undefined)("PostgreSQL keeps (only where KIT_POSTGRES_URL is the address of one)", () => {
  keeps(postgres!, 2);
});
