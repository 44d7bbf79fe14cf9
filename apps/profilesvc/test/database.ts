import { type Database, openDatabase } from "../src/database.ts";

/** The tests keep their profiles here; `TEST_DATABASE=postgres://… npm test` has them use PostgreSQL. Each has profiles of its own. */
const address = process.env["TEST_DATABASE"] ?? ":memory:";

export const openTestDatabase = (): Promise<Database> => openDatabase(address, () => {});
