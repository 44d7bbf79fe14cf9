import type { Database, Query, Row } from "../database.ts";
import { schema } from "../schema.ts";
import { openNative } from "./sqlite-native.ts";

/** SQLite itself, which answers at once. */
export interface Engine {
  readonly name: string;
  run(sql: string, values: Readonly<Record<string, string>>): readonly Row[];
  /** Called when something has been written, and resolves when it is safe on disk. */
  save(): void;
  close(): void;
}

/**
 * SQLite in a file, or in memory for `:memory:`. It is Node's own where Node has one, which is from 22.13 on; else it is compiled to
 * WebAssembly, since a native module would need a compiler or a download when it is installed.
 */
export async function openSqlite(file: string): Promise<Database> {
  const engine = openNative(file) ?? (await (await import("./sqlite-wasm.ts")).openWasm(file));
  // There is one connection, so whoever uses it is waited for.
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  }

  const run: Query = async (sql, ...values) =>
    engine.run(sql, Object.fromEntries(values.map((value, index) => [`$${index + 1}`, value])));

  const database: Database = {
    place: `${file}, in ${engine.name}`,
    query: (sql, ...values) =>
      inTurn(async () => {
        const rows = await run(sql, ...values);
        if (!sql.startsWith("select")) engine.save();
        return rows;
      }),
    transaction: (work) =>
      inTurn(async () => {
        // At once for writing: two processes that both read first could not both go on.
        await run("begin immediate");
        const result = await work(run).catch(async (error: unknown) => {
          await run("rollback");
          throw error;
        });
        await run("commit");
        engine.save();
        return result;
      }),
    close: () => inTurn(async () => engine.close()),
  };
  for (const statement of schema) await database.query(statement);
  return database;
}
