/** Whether a response is a stream of messages. Those of the platform, Node's and the web's, are read in ways of their own. */
export function isMessages(response: unknown): response is AsyncIterable<unknown> {
  return (
    typeof response === "object" &&
    response !== null &&
    Symbol.asyncIterator in response &&
    !("pipe" in response) &&
    !("getReader" in response)
  );
}

/** What hears of a stream. */
export interface Watcher {
  /** Takes each step of the source. */
  step<T>(take: () => T): T;
  /** The messages are read to their end, or the reader leaves. */
  done(): void;
  failed(error: unknown): void;
}

/** The same messages, and word of their end. */
export function watched(messages: AsyncIterable<unknown>, watcher: Watcher): AsyncIterableIterator<unknown> {
  const source = messages[Symbol.asyncIterator]();
  return {
    async next(...sent) {
      try {
        const result = await watcher.step(() => source.next(...sent));
        if (result.done) watcher.done();
        return result;
      } catch (error) {
        watcher.failed(error);
        throw error;
      }
    },
    async return(value) {
      // Not when the source has let go, which may be in the middle of a step that never ends.
      watcher.done();
      return (await watcher.step(() => source.return?.(value))) ?? { done: true, value };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
