/** RFC 5424's severities, the gravest first: the place of each is its number. */
const severities = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const;

/** How grave a record is, in syslog's words. */
export type Severity = (typeof severities)[number];

/** RFC 5424's facilities by the names that daemons have for them; the place of each is its number. */
const facilities = [
  "kern",
  "user",
  "mail",
  "daemon",
  "auth",
  "syslog",
  "lpr",
  "news",
  "uucp",
  "cron",
  "authpriv",
  "ftp",
  "ntp",
  "audit",
  "alert",
  "clock",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
] as const;

/** What kind of program logs, in syslog's words: what daemons sort by. */
export type Facility = (typeof facilities)[number];

const info = severities.indexOf("info");
const numbers: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  ...severities.map((name, number) => [name, number] as const),
  ["error", severities.indexOf("err")],
  ["warn", severities.indexOf("warning")],
]);

/**
 * The number of the severity that a level means, syslog's own names included; of anything else that of `info`.
 *
 * @see go-kit log/syslog/syslog.go, defaultPrioritySelector
 */
export function severityNumber(level: unknown): number {
  return numbers.get(level) ?? info;
}

/** Whether a severity says all that the level does. */
export function isKnownLevel(level: unknown): boolean {
  return numbers.has(level);
}

/** @throws {TypeError} when it is none. */
export function facilityNumber(facility: Facility): number {
  const number = facilities.indexOf(facility);
  if (number === -1)
    throw new TypeError(`syslogLogger: facility must be one of ${facilities.join(", ")}, got ${facility}`);
  return number;
}
