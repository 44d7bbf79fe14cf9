/**
 * Calls `flush` from time to time, without keeping the process alive for it, until the function returned is called.
 *
 * @throws {TypeError} when the interval is none that a timer can keep.
 */
export function flushEvery(provider: string, flushIntervalMs: number, flush: () => void): () => void {
  if (!(Number.isInteger(flushIntervalMs) && flushIntervalMs > 0 && flushIntervalMs < 2 ** 31)) {
    throw new TypeError(`${provider}: flushIntervalMs must be a positive integer, got ${String(flushIntervalMs)}`);
  }
  const timer = setInterval(flush, flushIntervalMs).unref();
  return () => clearInterval(timer);
}
