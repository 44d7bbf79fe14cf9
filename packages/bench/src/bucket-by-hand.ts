/** A token bucket as one writes it who needs no more than a check: whether a call may go on. */
export function bucketByHand(ratePerSecond: number): () => boolean {
  let tokens = ratePerSecond;
  let filledAt = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(ratePerSecond, tokens + ((now - filledAt) * ratePerSecond) / 1_000);
    filledAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
