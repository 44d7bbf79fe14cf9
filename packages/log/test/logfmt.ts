/** The fields of a line of logfmt, as texts: a reader that is written apart from the writer. */
export function parseLogfmt(line: string): Record<string, string> {
  const fields: Record<string, string> = {};
  const pair = /(?<name>[^ ="]+)=(?:(?<quoted>"(?:[^"\\]|\\.)*")|(?<plain>[^ "]*))(?: |$)/y;
  while (pair.lastIndex < line.length) {
    const at = pair.lastIndex;
    const found = pair.exec(line)?.groups;
    if (found === undefined) throw new SyntaxError(`no pair at ${at} of ${line}`);
    fields[found["name"]!] = found["quoted"] === undefined ? found["plain"]! : (JSON.parse(found["quoted"]) as string);
  }
  return fields;
}
