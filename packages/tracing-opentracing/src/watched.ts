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

/**
 * The same messages, and word of their end.
 *
 * @param done - called when they are read to their end, or the reader leaves.
 * @param failed - called with what they failed with.
 */
export function watched(
  messages: AsyncIterable<unknown>,
  done: () => void,
  failed: (error: unknown) => void,
): AsyncIterableIterator<unknown> {
  const source = messages[Symbol.asyncIterator]();
  return {
    async next(...sent) {
      try {
        const result = await source.next(...sent);
        if (result.done) done();
        return result;
      } catch (error) {
        failed(error);
        throw error;
      }
    },
    async return(value) {
      // Not when the source has let go, which may be in the middle of a step that never ends.
      done();
      return (await source.return?.(value)) ?? { done: true, value };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
