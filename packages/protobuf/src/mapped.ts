/** Each item through a function, when it is asked for. Not a generator, which would let one go unstarted that its reader has left. */
export function mapped(items: AsyncIterable<unknown>, map: (item: unknown) => unknown): AsyncIterableIterator<unknown> {
  const source = items[Symbol.asyncIterator]();
  return {
    async next() {
      const { done = false, value } = await source.next();
      if (done) return { done, value: undefined };
      try {
        return { done, value: await map(value) };
      } catch (error) {
        void leave(source);
        throw error;
      }
    },
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function leave(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // Nobody asks for its outcome any more.
  }
}
