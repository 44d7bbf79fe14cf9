/** PCP's units, of which it knows space, time and count, each with a scale: a `pmUnits` as a number. */
const space = (scale: number): number => (1 << 28) | (scale << 16);
const time = (scale: number): number => (1 << 24) | (scale << 12);

/** A number of things. */
export const countUnits: number = 1 << 20;

const known: Readonly<Record<string, number>> = {
  bytes: space(0),
  kibibytes: space(1),
  mebibytes: space(2),
  gibibytes: space(3),
  nanoseconds: time(0),
  microseconds: time(1),
  milliseconds: time(2),
  seconds: time(3),
  minutes: time(4),
  hours: time(5),
};

/** The units of a name; none for one that PCP does not know. */
export function unitsOf(name: string | undefined): number {
  return (name !== undefined && Object.hasOwn(known, name) && known[name]) || 0;
}
