/** Where one server lives. */
export interface Place {
  /** Its own folder, empty at first and again after `restart({ wipe: true })`. */
  readonly directory: string;
  /** Free loopback ports, as many as its kind asked for. They stay its own over restarts. */
  readonly ports: readonly number[];
  /** The first of them, where its clients go. */
  readonly port: number;
}

/** How to run a server: in the foreground, and as the child itself, so that a signal to the child hits the server. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that can be started here. */
export interface ServerKind {
  /** In lower case. `KIT_<NAME>_URL` points at a running one, which is then used instead of starting one. */
  readonly name: string;
  /** The command that installs it on Debian. */
  readonly install: string;
  /** What must be there for it to start: the names of programs on the PATH, or the paths of files. */
  readonly needs: readonly string[];
  /** How many ports it listens on. @default 1 */
  readonly ports?: number;
  /** What comes before `127.0.0.1:<port>` in its address. @default "http://" */
  readonly scheme?: string;
  /** How long its start may take, in ms. @default 60000, since the machine may be busy */
  readonly startMs?: number;
  /** Writes its configuration and the like into its folder, before each start. */
  prepare?(place: Place): Promise<void>;
  command(place: Place): Command;
  /** Asks whether it serves. That a port can be connected to is no proof: the kernel accepts for a server that is stopped or still starts. */
  probe(url: string, place: Place): Promise<boolean>;
}
