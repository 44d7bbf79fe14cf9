/** What is needed of a message that came in: every transport's has `header`, those of HTTP the rest. */
export interface Incoming {
  /** By its lower-case name. */
  header(name: string): string | undefined;
  readonly method?: string;
  readonly path?: string;
}

/** What is needed of a message that is about to go out: every transport's has `headers`, those of HTTP the rest. */
export interface Outgoing {
  /** By lower-case names. */
  readonly headers: Record<string, string | readonly string[]>;
  readonly method?: string;
  readonly path?: string;
}
