import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { background, codeOf } from "@kit/endpoint";
import { afterAll, describe, expect, test } from "vitest";
import { openSqlite } from "../src/databases/sqlite.ts";
import { openNative } from "../src/databases/sqlite-native.ts";
import { openWasm } from "../src/databases/sqlite-wasm.ts";
import { profileService } from "../src/service.ts";

const directory = mkdtempSync(join(tmpdir(), "profilesvc-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = (name: string): string => join(directory, `${name}.db`);

test("a file has what was written when it is opened again", async () => {
  const first = await openSqlite(file("again"));
  await profileService(first).postProfile({ id: "1", name: "one", addresses: [{ id: "a", location: "" }] }, background);
  await first.close();
  const second = await openSqlite(file("again"));
  const { profile } = await profileService(second).getProfile({ profileID: "1" }, background);
  expect(profile).toEqual({ id: "1", name: "one", addresses: [{ id: "a" }] });
  await second.close();
});

test("what fails half-way leaves nothing", async () => {
  const database = await openSqlite(":memory:");
  const failing = database.transaction(async (query) => {
    await query("insert into profiles (id, name) values ($1, $2)", "1", "one");
    throw new Error("half-way");
  });
  await expect(failing).rejects.toThrow("half-way");
  expect(await database.query("select * from profiles")).toEqual([]);
  await database.close();
});

test("a file that is no database is refused", async () => {
  writeFileSync(file("garbage"), "not a database ".repeat(1_000));
  await expect(openSqlite(file("garbage"))).rejects.toThrow("file is not a database");
});

const nodeHasNone = process.getBuiltinModule("node:sqlite") === undefined;

test.skipIf(nodeHasNone)(
  "a file that another process does not let go of is unavailable, with Node's own SQLite",
  async () => {
    const database = await openSqlite(file("busy"));
    const other = openNative(file("busy"))!;
    other.run("begin immediate", {});
    const error = await profileService(database)
      .postProfile({ id: "1", name: "", addresses: [] }, background)
      .catch((caught: unknown) => caught);
    expect(codeOf(error)).toBe("unavailable");
    other.run("rollback", {});
    await profileService(database).postProfile({ id: "1", name: "", addresses: [] }, background);
    other.close();
    await database.close();
  },
);

describe("on WebAssembly", () => {
  const make = "create table if not exists t (v text)";

  test("the file is there after each change, whole, and nothing beside it once it is closed", async () => {
    const first = await openWasm(file("wasm"));
    first.run(make, {});
    first.run("insert into t values ($1)", { $1: "kept" });
    first.save();
    first.run("insert into t values ($1)", { $1: "not saved" });
    first.close();
    const second = await openWasm(file("wasm"));
    expect(second.run("select v from t", {})).toEqual([{ v: "kept" }]);
    second.close();
    expect(readdirSync(directory).filter((name) => name.startsWith("wasm"))).toEqual(["wasm.db"]);
  });

  test("a file in use is refused, and one whose process has died is not", async () => {
    const parent = process.ppid;
    writeFileSync(`${file("owned")}.pid`, String(parent));
    await expect(openWasm(file("owned"))).rejects.toThrow(`owned.db is in use by process ${parent}`);
    // Above what Linux gives to any process.
    writeFileSync(`${file("owned")}.pid`, String(2 ** 22 + 1));
    const engine = await openWasm(file("owned"));
    engine.close();
  });

  test("a file that a killed process of Node's SQLite was writing is refused", async () => {
    writeFileSync(`${file("begun")}-journal`, "");
    await expect(openWasm(file("begun"))).rejects.toThrow("begun.db-journal is not finished");
  });

  test.skipIf(nodeHasNone)("reads what Node's SQLite wrote", async () => {
    const native = openNative(file("either"))!;
    native.run(make, {});
    native.run("insert into t values ($1)", { $1: "by node" });
    native.close();
    const wasm = await openWasm(file("either"));
    expect(wasm.run("select v from t", {})).toEqual([{ v: "by node" }]);
    wasm.close();
  });
});
