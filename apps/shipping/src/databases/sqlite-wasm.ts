import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import initSqlJs from "sql.js";
import type { Row } from "../database.ts";
import { UsageError } from "../flags.ts";
import type { Engine } from "./sqlite.ts";

/**
 * SQLite compiled to WebAssembly. It works in memory; the file is written anew, beside and renamed, after each change, so it is there whole
 * or as it was before. That is quick up to some thousand cargos, and means that the file has one owner.
 *
 * @throws {UsageError} when another process has the file, or Node's SQLite has left something for itself to finish.
 */
export async function openWasm(file: string): Promise<Engine> {
  const { Database } = await initSqlJs();
  const kept = file !== ":memory:";
  const owner = `${file}.pid`;
  if (kept) {
    const begun = [`${file}-journal`, `${file}-wal`].find((path) => existsSync(path));
    if (begun !== undefined) throw new UsageError(`${begun} is not finished: open ${file} once on Node 22.13 or later`);
    own(file, owner);
  }
  const database = new Database(kept && existsSync(file) ? readFileSync(file) : null);
  return {
    name: "SQLite on WebAssembly",
    run(sql, values) {
      const statement = database.prepare(sql, values);
      try {
        const rows: Row[] = [];
        while (statement.step()) rows.push(statement.getAsObject() as unknown as Row);
        return rows;
      } finally {
        statement.free();
      }
    },
    save() {
      if (kept) replace(file, database.export());
    },
    close() {
      database.close();
      if (kept) rmSync(owner, { force: true });
    },
  };
}

function replace(file: string, bytes: Uint8Array): void {
  const beside = `${file}.new`;
  const descriptor = openSync(beside, "w");
  try {
    writeFileSync(descriptor, bytes);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(beside, file);
}

/** Says whose the file is, unless it is somebody's who is still there. */
function own(file: string, owner: string): void {
  try {
    writeFileSync(owner, String(process.pid), { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const pid = Number(readFileSync(owner, "utf8"));
    if (pid !== process.pid && isRunning(pid)) {
      throw new UsageError(`${file} is in use by process ${pid}: choose another file, or PostgreSQL, with --database`);
    }
    writeFileSync(owner, String(process.pid));
  }
}

function isRunning(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
