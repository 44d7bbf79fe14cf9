import { optionError } from "@kit/sd";

/**
 * The name in lower case without a trailing dot, as records are compared with it.
 *
 * @throws {TypeError} unless it is a name that DNS can be asked for.
 */
export function parseName(option: string, name: unknown): string {
  const bare = typeof name === "string" ? name.replace(/\.$/, "").toLowerCase() : "";
  if (bare.length <= 253 && /^[\w-]{1,63}(\.[\w-]{1,63})*$/.test(bare)) return bare;
  const rule = "a full name such as _http._tcp.svc.example.com, its labels of letters, digits, - and _";
  throw optionError(option, rule, name);
}
