import { KitError } from "@kit/endpoint";
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

/** How long to wait for another process to finish its change, in ms. Nothing else goes on meanwhile, so not long. */
const busyMs = 1_000;

/** SQLite's code for a file that another process does not let go of. */
const busy = 5;

/** Node's own SQLite; `undefined` where it has none. Several processes may share the file. */
export function openNative(file: string): Engine | undefined {
  const sqlite = process.getBuiltinModule("node:sqlite") as NodeSqlite | undefined;
  if (sqlite === undefined) return undefined;
  const database = new sqlite.DatabaseSync(file);
  database.exec(`pragma busy_timeout = ${busyMs}`);
  return {
    name: "Node's SQLite",
    run(sql, values) {
      try {
        return database.prepare(sql).all(values);
      } catch (cause) {
        if ((cause as { errcode?: number }).errcode !== busy) throw cause;
        throw new KitError("unavailable", "the database is busy", { cause });
      }
    },
    save() {},
    close: () => database.close(),
  };
}
