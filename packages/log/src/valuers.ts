import { type CallInfo, callInfo, type ContextKey } from "@kit/endpoint";
import type { Valuer } from "./bind.ts";

/**
 * The time of the record, as RFC 3339 in UTC with milliseconds: `2026-11-22T13:00:00.123Z`.
 *
 * @param now - the clock, in ms since the Unix epoch. @default Date.now
 * @see go-kit log/value.go, DefaultTimestampUTC
 */
export function timestamp(now: () => number = Date.now): Valuer {
  let last: number | undefined;
  let text = "";
  // Records come many in one millisecond, and formatting is most of the cost.
  return () => {
    const ms = now();
    if (ms !== last) {
      text = new Date(ms).toISOString();
      last = ms;
    }
    return text;
  };
}

/**
 * The time of the record in a form of your own: `timestampFormat((date) => date.toUTCString())`.
 *
 * @param now - the clock, in ms since the Unix epoch. @default Date.now
 * @see go-kit log/value.go, TimestampFormat
 */
export function timestampFormat(format: (time: Date) => unknown, now: () => number = Date.now): Valuer {
  return () => format(new Date(now()));
}

/** The value that the record's context has for the key: a request id, a tenant. Absent where the context, or the value, is. */
export function fromContext<T>(key: ContextKey<T>): Valuer {
  return (ctx) => ctx?.get(key);
}

/** The service, method, transport or peer of the call that the record's context belongs to, as the transport put it there. */
export function fromCallInfo(name: keyof CallInfo): Valuer {
  return (ctx) => ctx?.get(callInfo)?.[name];
}

/** As many frames as there can be from the valuer to a call of `log`, and that one. */
const ownFrames = 10;

/**
 * Where the record was logged, as `file.ts:12`: the first place on the stack that is outside of this package. To capture a stack costs
 * 10 to 20 µs, where the rest of a record costs one, so bind it only while you look for something.
 *
 * A bundler that puts this package into one file with its user takes away what tells them apart; the nearest place is named then.
 *
 * @param skip - how many more places to leave out, for a wrapper of your own around the logger. @default 0
 * @throws {TypeError} when `skip` is no whole number.
 * @see go-kit log/value.go, Caller
 */
export function caller(skip = 0): Valuer {
  if (!Number.isSafeInteger(skip) || skip < 0)
    throw new TypeError(`caller: skip must be a whole number, got ${String(skip)}`);
  return () => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = ownFrames + skip;
    const { stack } = new Error();
    Error.stackTraceLimit = limit;
    const places = String(stack).split("\n").flatMap(placeOf);
    const outside = places.findIndex(({ folder }) => folder !== places[0]!.folder);
    return places[(outside === -1 ? 1 : outside) + skip]?.place;
  };
}

interface Place {
  readonly folder: string;
  /** `file.ts:12` */
  readonly place: string;
}

/** The place that a line of a stack names: `    at name (folder/file.ts:12:3)` or `    at folder/file.ts:12:3`. */
function placeOf(line: string): readonly Place[] {
  const text = line.endsWith(")") ? line.slice(line.indexOf(" (") + 2, -1) : line.slice("    at ".length);
  const slash = Math.max(text.lastIndexOf("/"), text.lastIndexOf("\\")) + 1;
  const column = text.lastIndexOf(":");
  if (slash === 0 || column < slash) return [];
  return [{ folder: text.slice(0, slash), place: text.slice(slash, column) }];
}
