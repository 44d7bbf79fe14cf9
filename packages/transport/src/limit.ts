/** A limit that was given, or its default. @throws {TypeError} naming it, when it is not a positive number. */
export function limit(name: string, value: number | undefined, fallback: number): number {
  const number = value ?? fallback;
  if (!(typeof number === "number" && number > 0))
    throw new TypeError(`${name} must be a positive number, got ${String(number)}`);
  return number;
}
