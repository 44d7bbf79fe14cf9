import { KitError } from "@kit/endpoint";
import { Pool } from "pg";
import type { Database, Query } from "../database.ts";
import { schema } from "../schema.ts";

/** The longest that the server may take to answer, and to let us in, in ms: a stopped one must not hold calls for ever. */
const timeoutMs = 5_000;

/** States of PostgreSQL that say nothing against the statement: no connection, no resources, about to stop, a broken disk. */
const passing = /^(08|53|57|58)/;

/** PostgreSQL, over a pool of connections. @throws {KitError} `unavailable` when it cannot be reached. */
export async function openPostgres(address: string, onError: (error: Error) => void): Promise<Database> {
  const pool = new Pool({ connectionString: address, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs });
  // A connection that breaks is heard of here while nobody uses it, and there while somebody does; the pool makes another one.
  pool.on("error", onError);
  pool.on("connect", (client) => client.on("error", () => {}));
  const { host, pathname } = new URL(address);

  const run = (on: Pick<Pool, "query">): Query => {
    return (sql, ...values) => on.query(sql, [...values]).then(({ rows }) => rows, asOurs);
  };

  const database: Database = {
    place: `PostgreSQL at ${host}${pathname}`,
    query: run(pool),
    async transaction(work) {
      const client = await pool.connect().catch(asOurs);
      let broken = true;
      try {
        const query = run(client);
        await query("begin");
        try {
          const result = await work(query);
          await query("commit");
          broken = false;
          return result;
        } catch (error) {
          await query("rollback");
          broken = false;
          throw error;
        }
      } finally {
        // Nobody can say what state a connection is in that did not even roll back.
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };

  try {
    await database.transaction(async (query) => {
      // Instances that start together would both find the tables missing.
      await query("select pg_advisory_xact_lock(hashtext('profilesvc'))");
      for (const statement of schema) await query(statement);
    });
  } catch (error) {
    await pool.end();
    throw error;
  }
  return database;
}

function asOurs(cause: unknown): never {
  const { code = "" } = cause as { code?: string };
  // What has no state of PostgreSQL's never got that far.
  if (!/^[\dA-Z]{5}$/.test(code) || passing.test(code)) {
    throw new KitError("unavailable", "the database does not answer", { cause });
  }
  if (code.startsWith("40")) throw new KitError("aborted", "the database asks to try again", { cause });
  throw cause;
}
