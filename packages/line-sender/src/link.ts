/** A way to a daemon: {@link linkTo} makes it. */
export interface Link {
  /** For messages: `udp 127.0.0.1:514`. */
  readonly name: string;
  /** Whether what is written at once is a datagram, which goes as a whole or not at all, and not a part of a stream. */
  readonly datagrams: boolean;
  /** Begins a connection. It must not keep the process alive. */
  open(events: LinkEvents): Connection;
}

/** `ready` comes first, `failed` at most once, neither before `open` has returned, and nothing after `destroy` or `end`. */
export interface LinkEvents {
  readonly ready: () => void;
  readonly failed: (error: Error) => void;
}

/** One connection. It is written to when it is ready, once at a time. */
export interface Connection {
  /** `done` comes after it has returned. */
  write(bytes: Buffer, done: Done): void;
  /** Nothing waits to be written. */
  idle?(): void;
  /** Ends it when all that was written has gone. */
  end(done: (error?: NodeJS.ErrnoException) => void): void;
  destroy(): void;
}

export type Done = (error?: Error | null) => void;
