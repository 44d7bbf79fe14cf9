import { KitError } from "@kit/endpoint";
import { Pool, type PoolClient } from "pg";
import type { Cargo } from "../cargo/cargo.ts";
import { UsageError } from "../flags.ts";
import { unknownCargo } from "../refusals.ts";
import type { Store } from "../store.ts";
import { cargoOf, type CargoRow, cargoValues, eventValues, type EventRow, historyOf } from "./rows.ts";

/** The lock is for processes that start together, one of which would fail. */
const schema = `
  SELECT pg_advisory_xact_lock(7878);
  CREATE TABLE IF NOT EXISTS cargos (
    tracking_id text PRIMARY KEY,
    origin text NOT NULL,
    destination text NOT NULL,
    arrival_deadline timestamptz NOT NULL,
    legs jsonb NOT NULL
  );
  CREATE TABLE IF NOT EXISTS handling_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tracking_id text NOT NULL REFERENCES cargos,
    type text NOT NULL,
    location text NOT NULL,
    voyage text,
    completed_at timestamptz NOT NULL
  );
  CREATE INDEX IF NOT EXISTS handling_events_of_cargo ON handling_events (tracking_id, completed_at);
`;

const columns = "tracking_id, origin, destination, arrival_deadline, legs::text AS legs";

/** How long to wait for a connection, and for an answer, in ms: no caller waits longer. */
const patienceMs = 5_000;

/** PostgreSQL, for several processes on one state. */
export async function openPostgres(url: string): Promise<Store> {
  const place = withoutPassword(url);
  const pool = new Pool({
    connectionString: url,
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
  });
  // A connection that breaks is replaced when it is needed; who needs it is told by the query.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));

  const query = async <Row extends object>(text: string, values: unknown[] = [], on: Pool | PoolClient = pool) => {
    try {
      return await on.query<Row>(text, values);
    } catch (cause) {
      throw new KitError("unavailable", "the store does not answer", { cause });
    }
  };

  await pool.query(schema).catch(async (error: Error) => {
    await pool.end();
    throw new UsageError(
      `cannot open the store at ${place}: ${error.message || (error as NodeJS.ErrnoException).code}`,
    );
  });

  return {
    place,
    cargos: {
      async add(cargo) {
        const text = "INSERT INTO cargos VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        return (await query(text, cargoValues(cargo))).rowCount === 1;
      },
      async find(trackingId) {
        const { rows } = await query<CargoRow>(`SELECT ${columns} FROM cargos WHERE tracking_id = $1`, [trackingId]);
        return one(rows);
      },
      async findAll() {
        const { rows } = await query<CargoRow>(`SELECT ${columns} FROM cargos ORDER BY tracking_id`);
        return rows.map(cargoOf);
      },
      async change(trackingId, change) {
        const client = await pool.connect().catch((cause: Error) => {
          throw new KitError("unavailable", "the store does not answer", { cause });
        });
        try {
          await query("BEGIN", [], client);
          const text = `SELECT ${columns} FROM cargos WHERE tracking_id = $1 FOR UPDATE`;
          const { rows } = await query<CargoRow>(text, [trackingId], client);
          const update =
            "UPDATE cargos SET origin = $2, destination = $3, arrival_deadline = $4, legs = $5 WHERE tracking_id = $1";
          await query(update, cargoValues(change(one(rows))), client);
          await query("COMMIT", [], client);
        } catch (error) {
          // A connection that is closed undoes what was begun on it.
          client.release(true);
          throw error;
        }
        client.release();
      },
    },
    events: {
      async append(event) {
        const text =
          "INSERT INTO handling_events (tracking_id, type, location, voyage, completed_at) VALUES ($1, $2, $3, $4, $5)";
        await query(text, eventValues(event));
      },
      async historyOf(trackingId) {
        const text = "SELECT * FROM handling_events WHERE tracking_id = $1 ORDER BY completed_at, id";
        return historyOf((await query<EventRow>(text, [trackingId])).rows);
      },
    },
    async check() {
      await query("SELECT 1");
    },
    close: () => pool.end(),
  };
}

function one([row]: readonly CargoRow[]): Cargo {
  if (row === undefined) throw unknownCargo();
  return cargoOf(row);
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = "";
  return shown.href;
}
