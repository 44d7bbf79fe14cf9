import Database from "libsql";
import type { Cargo } from "../cargo/cargo.ts";
import { UsageError } from "../flags.ts";
import { unknownCargo } from "../refusals.ts";
import type { Store } from "../store.ts";
import { cargoOf, type CargoRow, cargoValues, eventValues, type EventRow, historyOf } from "./rows.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS cargos (
    tracking_id TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    destination TEXT NOT NULL,
    arrival_deadline TEXT NOT NULL,
    legs TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS handling_events (
    id INTEGER PRIMARY KEY,
    tracking_id TEXT NOT NULL REFERENCES cargos,
    type TEXT NOT NULL,
    location TEXT NOT NULL,
    voyage TEXT,
    completed_at TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS handling_events_of_cargo ON handling_events (tracking_id, completed_at);
`;

/** SQLite in this process: nothing to install, nothing to run. */
export function openSqlite(place: string): Store {
  const db = open(place);
  const add = db.prepare("INSERT INTO cargos VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  const find = db.prepare("SELECT * FROM cargos WHERE tracking_id = ?");
  const findAll = db.prepare("SELECT * FROM cargos ORDER BY tracking_id");
  const update = db.prepare(
    "UPDATE cargos SET origin = ?2, destination = ?3, arrival_deadline = ?4, legs = ?5 WHERE tracking_id = ?1",
  );
  const append = db.prepare(
    "INSERT INTO handling_events (tracking_id, type, location, voyage, completed_at) VALUES (?, ?, ?, ?, ?)",
  );
  const history = db.prepare("SELECT * FROM handling_events WHERE tracking_id = ? ORDER BY completed_at, id");

  const cargo = (trackingId: string): Cargo => {
    const row = find.get(trackingId) as CargoRow | undefined;
    if (row === undefined) throw unknownCargo();
    return cargoOf(row);
  };

  return {
    place: place === ":memory:" ? "memory" : place,
    cargos: {
      add: async (added) => add.run(...cargoValues(added)).changes === 1,
      find: async (trackingId) => cargo(trackingId),
      findAll: async () => (findAll.all() as CargoRow[]).map(cargoOf),
      async change(trackingId, change) {
        // Nothing waits in between, so nobody of this process can come in; others are kept out by the lock.
        db.exec("BEGIN IMMEDIATE");
        try {
          update.run(...cargoValues(change(cargo(trackingId))));
          db.exec("COMMIT");
        } catch (error) {
          db.exec("ROLLBACK");
          throw error;
        }
      },
    },
    events: {
      async append(event) {
        append.run(...eventValues(event));
      },
      historyOf: async (trackingId) => historyOf(history.all(trackingId) as EventRow[]),
    },
    async check() {
      find.get("");
    },
    async close() {
      db.close();
    },
  };
}

function open(place: string): Database.Database {
  try {
    const db = new Database(place);
    // Written ahead, so that readers and a writer do not wait for each other; two writers do, for as long as a caller might.
    db.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 1000; PRAGMA foreign_keys = ON;");
    db.exec(schema);
    return db;
  } catch (error) {
    throw new UsageError(`cannot open the store at ${place}: ${(error as Error).message}`);
  }
}
