/** Bounds on what a caller may cost. */
export interface HttpLimits {
  /** The longest body read into memory, in bytes; beyond, 413. @default 1_048_576 — ample for JSON; uploads are read as streams */
  readonly maxBytes?: number;
  /** The most header lines; beyond, 431. @default 100 — far over what browsers and proxies add up to. Node itself bounds their size, to 16 KiB */
  readonly maxHeaders?: number;
  /** How long a body may take to arrive, in ms; then 408 and the connection is closed. @default 10_000 — a slow phone passes, a slow-loris does not */
  readonly bodyTimeoutMs?: number;
  /**
   * The longest that a call may take, in ms, whatever its caller wants; `Infinity` for no bound. @default 60_000 — proxies give up about then.
   */
  readonly maxTimeoutMs?: number;
}

const defaults: Required<HttpLimits> = {
  maxBytes: 1_048_576,
  maxHeaders: 100,
  bodyTimeoutMs: 10_000,
  maxTimeoutMs: 60_000,
};

/** The limits with their defaults. @throws {TypeError} for one that is not a positive number. */
export function limitsOf(where: string, options: HttpLimits): Required<HttpLimits> {
  const limits = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof HttpLimits)[]) {
    const value = options[name] ?? defaults[name];
    if (!(value > 0)) throw new TypeError(`${where}: ${name} must be a positive number, got ${value}`);
    limits[name] = value;
  }
  return limits;
}
