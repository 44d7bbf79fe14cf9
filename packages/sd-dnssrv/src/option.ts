/**
 * The name in lower case without a trailing dot, as records are compared with it.
 *
 * @throws {TypeError} unless it is a name that DNS can be asked for.
 */
export function parseName(caller: string, name: unknown): string {
  const bare = typeof name === "string" ? name.replace(/\.$/, "").toLowerCase() : "";
  if (bare.length <= 253 && /^[\w-]{1,63}(\.[\w-]{1,63})*$/.test(bare)) return bare;
  const rule = "a full name such as _http._tcp.svc.example.com, its labels of letters, digits, - and _";
  throw new TypeError(`${caller}: name must be ${rule}, got ${JSON.stringify(name)}`);
}

/** @throws {TypeError} unless it is a delay that a timer takes. */
export function requireMs(option: string, value: unknown, min: number, max: number = longestMs): void {
  if (typeof value === "number" && value >= min && value <= max) return;
  throw new TypeError(`${option} must be a number from ${min} to ${max}, got ${String(value)}`);
}

/** A day; beyond, a DNS record is as good as configuration. */
const longestMs = 86_400_000;
