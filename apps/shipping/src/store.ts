import type { Cargo, Cargos } from "./cargo/cargo.ts";
import type { HandlingEvent, HandlingEvents } from "./cargo/handling-event.ts";
import type { Leg } from "./cargo/itinerary.ts";
import type { Database, Query, Row } from "./database.ts";
import { unknownCargo } from "./refusals.ts";

/** Where the cargos are kept, and what happened to them. */
export interface Store {
  readonly cargos: Cargos;
  readonly events: HandlingEvents;
}

/** The domain's repositories, on any database. */
export function databaseStore({ query, transaction }: Database): Store {
  return {
    cargos: {
      async add(cargo) {
        const added = "insert into cargos values ($1, $2, $3, $4, $5) on conflict do nothing returning tracking_id";
        return (await query(added, cargo.trackingId, ...columns(cargo))).length === 1;
      },
      async find(trackingId) {
        return one(await query("select * from cargos where tracking_id = $1", trackingId));
      },
      async findAll() {
        return (await query("select * from cargos order by tracking_id")).map(cargoOf);
      },
      change(trackingId, change) {
        return transaction(async (within) => {
          const changed = change(await locked(trackingId, within));
          await within(
            "update cargos set origin = $1, destination = $2, arrival_deadline = $3, itinerary = $4 where tracking_id = $5",
            ...columns(changed),
            trackingId,
          );
        });
      },
    },
    events: {
      append({ trackingId, type, location, voyage = "", completedAt }) {
        return transaction(async (within) => {
          await locked(trackingId, within);
          await within(
            `insert into handling_events
             select $1, count(*), $2, $3, $4, $5 from handling_events where tracking_id = $1`,
            trackingId,
            type,
            location,
            voyage,
            completedAt.toISOString(),
          );
        });
      },
      async historyOf(trackingId) {
        const history = "select * from handling_events where tracking_id = $1 order by completed_at, position";
        return (await query(history, trackingId)).map(eventOf);
      },
    },
  };
}

/** Finds a cargo that nobody else changes, or adds to the history of, before the transaction is over. */
async function locked(trackingId: string, query: Query): Promise<Cargo> {
  return one(await query("update cargos set origin = origin where tracking_id = $1 returning *", trackingId));
}

function one([row]: readonly Row[]): Cargo {
  if (row === undefined) throw unknownCargo();
  return cargoOf(row);
}

/** All but the first. */
function columns({ routeSpecification, itinerary }: Cargo): string[] {
  const { origin, destination, arrivalDeadline } = routeSpecification;
  return [origin, destination, arrivalDeadline.toISOString(), JSON.stringify(itinerary)];
}

function cargoOf(row: Row): Cargo {
  const legs = JSON.parse(row["itinerary"]!) as Record<keyof Leg, string>[];
  return {
    trackingId: row["tracking_id"]!,
    routeSpecification: {
      origin: row["origin"]!,
      destination: row["destination"]!,
      arrivalDeadline: new Date(row["arrival_deadline"]!),
    },
    itinerary: legs.map((leg) => ({
      ...leg,
      loadTime: new Date(leg.loadTime),
      unloadTime: new Date(leg.unloadTime),
    })),
  };
}

function eventOf(row: Row): HandlingEvent {
  return {
    trackingId: row["tracking_id"]!,
    type: row["type"] as HandlingEvent["type"],
    location: row["location"]!,
    voyage: row["voyage"] || undefined,
    completedAt: new Date(row["completed_at"]!),
  };
}
