import { type Database, openDatabase } from "../src/database.ts";

/** The tests keep their profiles here; `KIT_POSTGRES_URL=postgres://… npm test` has them use PostgreSQL. Each has profiles of its own. */
const address = process.env["KIT_POSTGRES_URL"] ?? ":memory:";

export const openTestDatabase = (): Promise<Database> => openDatabase(address, () => {});
