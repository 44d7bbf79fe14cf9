import type { Readable, Writable } from "node:stream";

/**
 * The messages that the other side sends, read one by one as they are asked for: what is not asked for stays with the sender. One reader at a time.
 */
export class IncomingMessages implements AsyncIterableIterator<unknown> {
  readonly #stream: Readable;
  readonly #onLeave: () => void;
  readonly #items: AsyncGenerator<unknown, void>;
  #cut: Error | undefined;
  #over = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param onLeave - called when the reader does not want the rest. */
  constructor(stream: Readable, onLeave: () => void) {
    this.#stream = stream;
    this.#onLeave = onLeave;
    this.#items = this.#read();
    stream.on("readable", () => this.#wake?.());
  }

  /** No more will come; what is here already will be read first, then the error, if there is one. */
  end(failure?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = failure;
    this.#wake?.();
  }

  /** Nothing more will be read: the call is over. */
  cut(cause: Error): void {
    this.#cut ??= cause;
    this.end();
  }

  next(): Promise<IteratorResult<unknown, void>> {
    return this.#items.next();
  }

  return(): Promise<IteratorResult<unknown, void>> {
    // First, since a read that is under way holds the generator up.
    if (!this.#over) this.#onLeave();
    this.end();
    return this.#items.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async *#read(): AsyncGenerator<unknown, void> {
    for (;;) {
      if (this.#cut !== undefined) throw this.#cut;
      const message: unknown = this.#stream.read();
      if (message !== null) yield message;
      else if (!this.#over) await new Promise<void>((resolve) => (this.#wake = resolve));
      else if (this.#failure === undefined) return;
      else throw this.#failure;
    }
  }
}

/**
 * Writes the messages as fast as the other side takes them.
 *
 * @param until - the work's outcome, or a rejection if the call ends first; the rest is then not asked for.
 */
export async function writeAll(
  messages: AsyncIterable<unknown>,
  stream: Writable,
  until: <T>(work: Promise<T>) => Promise<T>,
): Promise<void> {
  const iterator = messages[Symbol.asyncIterator]();
  let whole = false;
  try {
    for (;;) {
      const { done = false, value } = await until(iterator.next());
      if (done) {
        whole = true;
        return;
      }
      if (!stream.write(value)) await until(new Promise<void>((resolve) => void stream.once("drain", resolve)));
    }
  } finally {
    // Not awaited: it may be in the middle of a step that never ends.
    if (!whole) void leave(iterator);
  }
}

async function leave(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // Nobody asks for its outcome any more.
  }
}
