/** A row, by column. */
export type Row = Readonly<Record<string, string | null>>;

/** Runs one statement, whose `$1`, `$2`, … are the values; each must appear for the first time in that order. */
export type Query = (sql: string, ...values: readonly string[]) => Promise<readonly Row[]>;

/** What cargos and events are kept in. Each technology is a file in `databases`, loaded when it is asked for; they understand the same SQL. */
export interface Database {
  /** For people. Without a password. */
  readonly place: string;
  /** One statement by itself. */
  readonly query: Query;
  /** All statements of the work, or none if it fails. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** @param address - a `postgres://` URL, a file for SQLite, or `:memory:`. */
export async function openDatabase(address: string, onError: (error: Error) => void): Promise<Database> {
  if (/^postgres(ql)?:/.test(address)) return (await import("./databases/postgres.ts")).openPostgres(address, onError);
  return (await import("./databases/sqlite.ts")).openSqlite(address);
}
