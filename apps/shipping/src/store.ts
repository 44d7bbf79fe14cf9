import type { Cargos } from "./cargo/cargo.ts";
import type { HandlingEvents } from "./cargo/handling-event.ts";

/** Where the cargos and what happened to them are kept. Each technology is a file in `stores`, loaded when it is asked for. */
export interface Store {
  /** For people: no password is in it. */
  readonly place: string;
  readonly cargos: Cargos;
  readonly events: HandlingEvents;
  /** Fails while nothing can be read. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param place - the address of a PostgreSQL, or else a file of SQLite's, made if missing; `:memory:` is one that is gone with the process.
 * @throws {UsageError} if it cannot be opened.
 */
export async function openStore(place: string): Promise<Store> {
  return /^postgres(ql)?:\/\//.test(place)
    ? (await import("./stores/postgres.ts")).openPostgres(place)
    : (await import("./stores/sqlite.ts")).openSqlite(place);
}
