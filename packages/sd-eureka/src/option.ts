/** @throws {TypeError} unless it is a name that needs no escape in a path or an id. */
export function requireService(caller: string, service: unknown): void {
  if (typeof service === "string" && /^[A-Za-z0-9][\w.-]{0,127}$/.test(service)) return;
  const rule = "up to 128 letters, digits, dots, dashes and underscores, beginning with a letter or a digit";
  throw new TypeError(`${caller}: service must be ${rule}, got ${JSON.stringify(service)}`);
}

/** @throws {TypeError} unless it is a delay that a timer takes. */
export function requireMs(option: string, value: unknown, min: number): void {
  if (typeof value === "number" && value >= min && value < 2 ** 31) return;
  throw new TypeError(`${option} must be a number from ${min} to ${2 ** 31 - 1}, got ${String(value)}`);
}
