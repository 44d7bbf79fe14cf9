import { describe, expect, test } from "vitest";
import { assignToRoute, type Cargo, changeDestination, newCargo } from "../src/cargo/cargo.ts";
import { deliveryOf } from "../src/cargo/delivery.ts";
import type { HandlingEvent } from "../src/cargo/handling-event.ts";
import { isExpected, type Itinerary } from "../src/cargo/itinerary.ts";
import { locations } from "../src/locations.ts";
import { type Edge, findPaths } from "../src/routing/pathfinder.ts";

const day = (number: number): Date => new Date(Date.UTC(2026, 11, number));
const specification = { origin: "CNHKG", destination: "SESTO", arrivalDeadline: day(31) };
const itinerary: Itinerary = [
  { voyage: "0100S", from: "CNHKG", to: "JNTKO", loadTime: day(1), unloadTime: day(5) },
  { voyage: "0200T", from: "JNTKO", to: "SESTO", loadTime: day(7), unloadTime: day(20) },
];
const unrouted = newCargo("ABC", specification);
const routed = assignToRoute(unrouted, itinerary);

function event(type: HandlingEvent["type"], location: string, voyage?: string): HandlingEvent {
  return { trackingId: "ABC", type, location, voyage, completedAt: day(1) };
}

describe("a delivery", () => {
  test("of a new cargo expects nothing", () => {
    expect(deliveryOf(unrouted, [])).toEqual({
      routingStatus: "not routed",
      transportStatus: "not received",
      lastKnownLocation: undefined,
      currentVoyage: undefined,
      isMisdirected: false,
      isUnloadedAtDestination: false,
      nextExpectedActivity: undefined,
      eta: undefined,
    });
  });

  test.each<[HandlingEvent[], object]>([
    [[], { transportStatus: "not received", nextExpectedActivity: { type: "Receive", location: "CNHKG" } }],
    [
      [event("Receive", "CNHKG")],
      { transportStatus: "in port", nextExpectedActivity: { type: "Load", location: "CNHKG", voyage: "0100S" } },
    ],
    [
      [event("Load", "CNHKG", "0100S")],
      {
        transportStatus: "onboard carrier",
        currentVoyage: "0100S",
        nextExpectedActivity: { type: "Unload", location: "JNTKO", voyage: "0100S" },
      },
    ],
    [
      [event("Unload", "JNTKO", "0100S")],
      {
        transportStatus: "in port",
        lastKnownLocation: "JNTKO",
        currentVoyage: undefined,
        nextExpectedActivity: { type: "Load", location: "JNTKO", voyage: "0200T" },
      },
    ],
    [
      [event("Unload", "SESTO", "0200T")],
      { isUnloadedAtDestination: true, nextExpectedActivity: { type: "Claim", location: "SESTO" } },
    ],
    [[event("Claim", "SESTO")], { transportStatus: "claimed", nextExpectedActivity: undefined }],
    [[event("Customs", "JNTKO")], { transportStatus: "in port", nextExpectedActivity: undefined }],
  ])("after %j", (history, expected) => {
    expect(deliveryOf(routed, history)).toMatchObject({ routingStatus: "routed", isMisdirected: false, ...expected });
    expect(deliveryOf(routed, history).eta).toEqual(day(20));
  });

  test("knows a cargo that is not where it should be", () => {
    const { isMisdirected, nextExpectedActivity, eta } = deliveryOf(routed, [event("Load", "CNHKG", "0400S")]);
    expect({ isMisdirected, nextExpectedActivity, eta }).toEqual({ isMisdirected: true });
  });

  test("of a cargo whose route leads elsewhere is misrouted, until it has another", () => {
    const elsewhere = changeDestination(routed, "AUMEL");
    expect(deliveryOf(elsewhere, []).routingStatus).toBe("misrouted");
    expect(deliveryOf(elsewhere, []).eta).toBeUndefined();
    expect(deliveryOf(changeDestination(elsewhere, "SESTO"), []).routingStatus).toBe("routed");
  });
});

test("without a plan, nothing is unexpected", () => {
  expect(isExpected([], event("Claim", "AUMEL"))).toBe(true);
});

describe("the pathfinder", () => {
  const pairs = [...locations.keys()].flatMap((from) =>
    [...locations.keys()].filter((to) => to !== from).map((to) => [from, to] as const),
  );

  test.each(pairs)("finds ways from %s to %s that a cargo can go to its end, whatever the day", (from, to) => {
    for (let now = day(1).getTime(); now < day(90).getTime(); now += 7 * 3_600_000) {
      const paths = findPaths(from, to, now);
      expect(paths.length).toBeGreaterThan(0);
      for (const path of paths) sail(path, { origin: from, destination: to, arrivalDeadline: day(31) }, now);
    }
  });

  function sail(path: readonly Edge[], routeSpecification: Cargo["routeSpecification"], now: number): void {
    const legs = path.map(({ origin, destination, voyage, departure, arrival }) => ({
      voyage,
      from: origin,
      to: destination,
      loadTime: departure,
      unloadTime: arrival,
    }));
    const cargo = assignToRoute(newCargo("ABC", routeSpecification), legs);
    const history: HandlingEvent[] = [];
    for (let next = deliveryOf(cargo, []).nextExpectedActivity; next !== undefined;) {
      history.push({ trackingId: "ABC", ...next, completedAt: day(history.length) });
      expect(deliveryOf(cargo, history).isMisdirected).toBe(false);
      next = deliveryOf(cargo, history).nextExpectedActivity;
    }
    expect(history).toHaveLength(2 * path.length + 2);
    expect(deliveryOf(cargo, history).transportStatus).toBe("claimed");
    const times = [new Date(now), ...path.flatMap(({ departure, arrival }) => [departure, arrival])];
    expect(times).toEqual(times.toSorted((a, b) => a.getTime() - b.getTime()));
  }

  test("finds nothing to or from where no ship goes", () => {
    expect(findPaths("SESTO", "USNYC", 0)).toEqual([]);
    expect(findPaths("USNYC", "SESTO", 0)).toEqual([]);
  });
});
