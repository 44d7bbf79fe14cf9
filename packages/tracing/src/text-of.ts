/** What an error, or whatever else was thrown, says of itself. Throws where its own conversion does; {@link CallSpan} catches that. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
