/** A body of a call that is over, by `done`, when the body is. */
export async function* endingWith(done: () => void, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } finally {
    done();
  }
}
