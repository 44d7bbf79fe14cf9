const symbols: Readonly<Record<string, string>> = {
  seconds: "s",
  milliseconds: "ms",
  microseconds: "us",
  nanoseconds: "ns",
  minutes: "min",
  hours: "h",
  days: "d",
  bytes: "By",
  ratio: "1",
  percent: "%",
  celsius: "Cel",
  meters: "m",
  grams: "g",
  joules: "J",
  volts: "V",
  amperes: "A",
  hertz: "Hz",
};

/**
 * A unit as OpenTelemetry wants it: by its symbol in UCUM, and what has none, such as `requests`, in braces.
 *
 * @see https://ucum.org
 */
export function ucum(unit: string): string {
  return Object.hasOwn(symbols, unit) ? symbols[unit]! : `{${unit}}`;
}
