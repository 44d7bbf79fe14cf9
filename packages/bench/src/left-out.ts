const lines = new Set<string>();

/**
 * Says that something cannot be measured here: once, however often it would be.
 *
 * @param line - what is left out, why, and which command mends it.
 * @throws where `KIT_REQUIRE_SERVERS=1`.
 */
export function leaveOut(line: string): void {
  if (process.env["KIT_REQUIRE_SERVERS"] === "1") throw new Error(line);
  lines.add(line);
}

/** What this process has left out so far. */
export function leftOut(): readonly string[] {
  return [...lines];
}
