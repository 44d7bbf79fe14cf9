import type { NatsConnection } from "@nats-io/transport-node";

/** Who uses a connection. */
export interface ConnectionUser {
  /** The connection is lost; what was under way on it may be, too. */
  lost(): void;
  /** The NATS server does not allow to publish there. */
  refused(subject: string, cause: Error): void;
}

const watches = new WeakMap<NatsConnection, ConnectionWatch>();

/** Knows whether a connection is up, which the driver only tells in passing. One for all users of a connection, since its listeners cannot be taken away. */
export class ConnectionWatch {
  readonly users: Set<ConnectionUser> = new Set();
  isUp = true;

  static of(connection: NatsConnection): ConnectionWatch {
    let watch = watches.get(connection);
    if (watch === undefined) watches.set(connection, (watch = new ConnectionWatch(connection)));
    return watch;
  }

  private constructor(connection: NatsConnection) {
    this.#watch(connection).then(this.#down, this.#down);
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === "disconnect") this.#down();
      else if (status.type === "reconnect") this.#up();
      else if (status.type === "error") this.#refused(status.error);
    }
  }

  readonly #down = (): void => {
    this.isUp = false;
    for (const user of this.users) user.lost();
  };

  #up(): void {
    // What was sent while nobody knew of an outage is lost as well.
    if (this.isUp) this.#down();
    this.isUp = true;
  }

  #refused(error: Error): void {
    const { name, operation, subject } = error as Error & { readonly operation?: string; readonly subject?: string };
    if (name !== "PermissionViolationError" || operation !== "publish" || subject === undefined) return;
    for (const user of this.users) user.refused(subject, error);
  }
}
