/** Closes a body that nobody is to read, and what is behind it: for that its first piece is asked for. */
export async function discard(body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const _ of body) break;
  } catch {
    // What nobody reads may fail.
  }
}
