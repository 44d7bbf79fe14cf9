import type { CallSpan } from "./call-span.ts";

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
 * @param span - takes each step of the source, if it cares.
 * @param done - called when they are read to their end, or the reader leaves.
 * @param failed - called with what they failed with.
 */
export function watched(
  messages: AsyncIterable<unknown>,
  span: Pick<CallSpan, "bind">,
  done: () => void,
  failed: (error: unknown) => void,
): AsyncIterableIterator<unknown> {
  const source = messages[Symbol.asyncIterator]();
  const bind = <Step extends (...sent: any[]) => unknown>(step: Step): Step => span.bind?.(step) ?? step;
  const next = bind(source.next.bind(source));
  const leave = bind(async (value: unknown) => source.return?.(value));
  return {
    async next(...sent) {
      try {
        const result = await next(...sent);
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
      return (await leave(value)) ?? { done: true, value };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
