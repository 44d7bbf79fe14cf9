import { type Context, KitError } from "@kit/endpoint";

/** The most that a deadline header can say: ten digits, as in Connect's protocol. */
const longestTimeoutMs = 9_999_999_999;

/** The time left, in ms, as a header's value; `undefined` without a deadline. At least `"0"`, which a server refuses. */
export function timeoutText({ deadline }: Context): string | undefined {
  if (deadline === undefined) return undefined;
  return String(Math.min(Math.max(0, Math.ceil(deadline - Date.now())), longestTimeoutMs));
}

/**
 * The time that a caller leaves, in ms; `Infinity` where it says nothing.
 *
 * @throws {KitError} `invalid_argument`, naming the header, for what is no number of milliseconds.
 */
export function parseTimeout(header: string, text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (!/^\d{1,10}$/.test(text)) throw new KitError("invalid_argument", `${header}: not a number of milliseconds`);
  return Number(text);
}
