let origin = performance.timeOrigin;

/** Microseconds since the Unix epoch: the wall clock, by the digits of the steady one. */
export function nowMicros(): number {
  const steady = performance.now();
  const wall = Date.now();
  // Somebody has set the clock, or the machine has slept.
  if (Math.abs(wall - origin - steady) > 10) origin = wall - steady;
  return Math.round((origin + steady) * 1000);
}
