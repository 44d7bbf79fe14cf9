import { Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Fields, Logger } from "./logger.ts";

export interface LineWriterOptions {
  /** A text that begins the lines, or their messages; it is taken away. @default none */
  readonly prefix?: string;
  /** Puts the prefix of a line before its message instead of taking it away. @default false */
  readonly keepPrefix?: boolean;
}

/** A line without an end is logged in pieces of this many UTF-16 code units, so that it cannot fill the memory. */
const maxLineLength = 65_536;

/**
 * A stream that makes records of lines of text: of a library that insists on a stream, a `Console`, the output of a child process.
 * `new Console(lineWriter(info(logger)))`, `child.stderr.pipe(lineWriter(warn(logger)))`.
 *
 * A record has `ts` and `caller` if the line begins with them, and `msg`. Empty lines are left out. What comes after the last newline is
 * logged when the stream ends.
 *
 * @see go-kit log/stdlib.go, NewStdlibAdapter
 */
export function lineWriter(logger: Logger, options: LineWriterOptions = {}): Writable {
  const { prefix = "", keepPrefix = false } = options;
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const log = (line: string): void => {
    if (line !== "") logger.log(parse(line, prefix, keepPrefix));
  };
  const take = (text: string): void => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!;
    lines.forEach(log);
    for (; rest.length > maxLineLength; rest = rest.slice(maxLineLength)) log(rest.slice(0, maxLineLength));
  };
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      take(decoder.write(chunk));
      done();
    },
    final(done) {
      take(decoder.end());
      log(rest);
      done();
    },
  });
}

/** Date and time as Go's log package or ISO 8601 write them, then `file:line`, each if it is there. */
const pattern =
  /^(?<ts>\d{4}[/-]\d\d[/-]\d\d(?:[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?|\d\d:\d\d:\d\d(?:[.,]\d+)?)?(?:(?:^|(?<=\S) )(?<caller>\S+?:\d+)(?=: ))?(?:: | )?(?<msg>.*)$/s;

function parse(line: string, prefix: string, keepPrefix: boolean): Fields {
  const { ts, caller, msg = "" } = pattern.exec(without(line, prefix))?.groups ?? {};
  const rest = without(msg, prefix);
  const kept = keepPrefix && prefix !== "" && (line.startsWith(prefix) || rest !== msg);
  return { ts, caller, msg: kept ? prefix + rest : rest };
}

function without(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}
