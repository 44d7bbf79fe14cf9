/** What goes out with a message, by lower-case name; several values of one name as an array. */
export type OutgoingHeaders = Record<string, string | readonly string[]>;

/** A message that came in, whatever its wire: the place to read a token or a trace from. */
export interface HeaderReader {
  /** A header by its lower-case name; repeated ones are joined by a comma. */
  header(name: string): string | undefined;
}

/** A message that is about to go out, whatever its wire: the place to write a token or a trace to. */
export interface HeaderWriter {
  readonly headers: OutgoingHeaders;
}
