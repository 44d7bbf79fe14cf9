import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "@kit/endpoint";
import { afterAll, describe, expect, test } from "vitest";
import { assignToRoute, changeDestination, newCargo, nextTrackingId } from "../src/cargo/cargo.ts";
import { openStore } from "../src/store.ts";

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

function keeps(place: string): void {
  test("a cargo as it was, also for who opens the store later", async () => {
    const id = nextTrackingId();
    const store = await openStore(place);
    expect(await store.cargos.add(newCargo(id, specification))).toBe(true);
    await store.cargos.change(id, (cargo) => assignToRoute(cargo, legs));
    await store.close();
    const later = await openStore(place);
    expect(await later.cargos.find(id)).toEqual({
      trackingId: id,
      routeSpecification: specification,
      itinerary: legs,
    });
    expect((await later.cargos.findAll()).map(({ trackingId }) => trackingId)).toContain(id);
    await later.close();
  });

  test("the first cargo of an id", async () => {
    const store = await openStore(place);
    const id = nextTrackingId();
    await store.cargos.add(newCargo(id, specification));
    expect(await store.cargos.add(newCargo(id, { ...specification, destination: "DEHAM" }))).toBe(false);
    expect((await store.cargos.find(id)).routeSpecification).toEqual(specification);
    await store.close();
  });

  test("every change of a cargo, where several are made at the same time", async () => {
    const [one, other] = [await openStore(place), await openStore(place)];
    const id = nextTrackingId();
    await one.cargos.add(newCargo(id, { ...specification, destination: "" }));
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        (i % 2 === 0 ? one : other).cargos.change(id, (cargo) =>
          changeDestination(cargo, `${cargo.routeSpecification.destination}.`),
        ),
      ),
    );
    expect((await one.cargos.find(id)).routeSpecification.destination).toBe(".".repeat(40));
    await Promise.all([one.close(), other.close()]);
  });

  test("nothing of a change that fails", async () => {
    const store = await openStore(place);
    const id = nextTrackingId();
    await store.cargos.add(newCargo(id, specification));
    const failing = store.cargos.change(id, () => {
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    await store.cargos.change(id, (cargo) => changeDestination(cargo, "DEHAM"));
    expect((await store.cargos.find(id)).routeSpecification.destination).toBe("DEHAM");
    await store.close();
  });

  test("no cargo that nobody booked", async () => {
    const store = await openStore(place);
    const refused = [store.cargos.find("NONE"), store.cargos.change("NONE", (cargo) => cargo)];
    for (const error of await Promise.all(refused.map((promise) => promise.catch((caught: unknown) => caught)))) {
      expect(codeOf(error)).toBe("not_found");
    }
    await store.close();
  });

  test("a history in the order in which things happened, not in that of the telling", async () => {
    const store = await openStore(place);
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
    expect(await store.events.historyOf(id)).toEqual([receive, load]);
    await store.check();
    await store.close();
  });
}

describe("SQLite keeps", () => {
  keeps(join(temporary, "shipping.db"));
});

describe.skipIf(postgres === undefined)("PostgreSQL keeps (only where KIT_POSTGRES_URL is the address of one)", () => {
  keeps(postgres!);
});

test.each([
  [join(temporary, "nowhere", "shipping.db"), "cannot open the store at "],
  ["postgres://ada:secret@127.0.0.1:1/shipping", "cannot open the store at postgres://ada@127.0.0.1:1/shipping: "],
])("says that there is no store at %s", async (place, message) => {
  const error = await openStore(place).catch((caught: Error) => caught);
  expect((error as Error).message).toContain(message);
  expect((error as Error).message).not.toContain("secret");
});
