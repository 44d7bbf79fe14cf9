import type { Row } from "../database.ts";
import type { Engine } from "./sqlite.ts";

/** The part of `node:sqlite` that is used here; the types of Node 20 do not know it. */
interface NodeSqlite {
  readonly DatabaseSync: new (file: string) => {
    exec(sql: string): void;
    prepare(sql: string): { all(values: Readonly<Record<string, string>>): Row[] };
    close(): void;
  };
}

/** Node's own SQLite; `undefined` where it has none. Several processes may share the file. */
export function openNative(file: string): Engine | undefined {
  const sqlite = process.getBuiltinModule("node:sqlite") as NodeSqlite | undefined;
  if (sqlite === undefined) return undefined;
  const database = new sqlite.DatabaseSync(file);
  database.exec("pragma busy_timeout = 5000; pragma journal_mode = wal; pragma synchronous = full");
  return {
    name: "Node's SQLite",
    run: (sql, values) => database.prepare(sql).all(values),
    save() {},
    close: () => database.close(),
  };
}
