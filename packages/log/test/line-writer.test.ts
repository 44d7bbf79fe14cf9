import { Console } from "node:console";
import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, it } from "vitest";
import {
  type Fields,
  info,
  jsonLogger,
  lineWriter,
  type LineWriterOptions,
  logfmtLogger,
  loggerFunc,
} from "../src/index.ts";

/** The lines of logfmt that a text becomes. */
function lines(text: string, options?: LineWriterOptions): string[] {
  const written: string[] = [];
  lineWriter(logfmtLogger({ write: (line) => written.push(line) }), options).end(text);
  return written;
}

describe("lineWriter", () => {
  // go-kit: TestStdLibAdapter with StdlibRegexpFull; those with StdlibRegexpDefault that print the same
  const rows: [string, string][] = [
    ["hello", "msg=hello"],
    ["2009/01/23: hello", "ts=2009/01/23 msg=hello"],
    ["2009/01/23 01:23:23: hello", 'ts="2009/01/23 01:23:23" msg=hello'],
    ["01:23:23: hello", "ts=01:23:23 msg=hello"],
    ["2009/01/23 01:23:23.123123: hello", 'ts="2009/01/23 01:23:23.123123" msg=hello'],
    [
      "2009/01/23 01:23:23.123123 /a/b/c/d.go:23: hello",
      'ts="2009/01/23 01:23:23.123123" caller=/a/b/c/d.go:23 msg=hello',
    ],
    [
      "2009/01/23 01:23:23.123123 /a/b/c/d.go:23: hello world",
      'ts="2009/01/23 01:23:23.123123" caller=/a/b/c/d.go:23 msg="hello world"',
    ],
    ["01:23:23.123123 /a/b/c/d.go:23: hello", "ts=01:23:23.123123 caller=/a/b/c/d.go:23 msg=hello"],
    ["2009/01/23 01:23:23 /a/b/c/d.go:23: hello", 'ts="2009/01/23 01:23:23" caller=/a/b/c/d.go:23 msg=hello'],
    ["2009/01/23 /a/b/c/d.go:23: hello", "ts=2009/01/23 caller=/a/b/c/d.go:23 msg=hello"],
    ["/a/b/c/d.go:23: hello", "caller=/a/b/c/d.go:23 msg=hello"],
  ];
  it.for(rows)("reads %o as %s", ([text, line]) => {
    expect(lines(`${text}\n`)).toEqual([`${line}\n`]);
  });
  it.for(rows)("reads %o behind a prefix", ([text, line]) => {
    expect(lines(`some prefix ${text}\n`, { prefix: "some prefix " })).toEqual([`${line}\n`]);
  });
  it.for(rows)("reads %o behind a prefix that is kept", ([text]) => {
    const records: Fields[] = [];
    lineWriter(
      loggerFunc((record) => records.push(record)),
      { prefix: "some prefix ", keepPrefix: true },
    ).end(`some prefix ${text}\n`);
    expect(records).toEqual([
      expect.objectContaining({ msg: `some prefix hello${text.endsWith("world") ? " world" : ""}` }),
    ]);
  });

  it.for<[string, string, LineWriterOptions?]>([
    ["/a/b/c/d.go:23: some prefix hello", "caller=/a/b/c/d.go:23 msg=hello", { prefix: "some prefix " }],
    [
      "/a/b/c/d.go:23: some prefix hello",
      'caller=/a/b/c/d.go:23 msg="some prefix hello"',
      { prefix: "some prefix ", keepPrefix: true },
    ],
    ["another hello", 'msg="another hello"', { prefix: "some prefix ", keepPrefix: true }],
    [
      "error encoding and sending metric family: write tcp 127.0.0.1:9182->127.0.0.1:60125: wsasend:",
      'msg="error encoding and sending metric family: write tcp 127.0.0.1:9182->127.0.0.1:60125: wsasend:"',
    ],
    [
      "2023/04/28 07:28:46 error encoding and sending metric family: write tcp 127.0.0.1:9182->127.0.0.1:60125: wsasend:",
      'ts="2023/04/28 07:28:46" msg="error encoding and sending metric family: write tcp 127.0.0.1:9182->127.0.0.1:60125: wsasend:"',
    ],
    ["1:9182f", "msg=1:9182f"],
    ["2026-11-22T13:00:00.123Z listening", "ts=2026-11-22T13:00:00.123Z msg=listening"],
    ["2026-11-22T13:00:00+01:00 C:\\a\\b.js:23: oh", "ts=2026-11-22T13:00:00+01:00 caller=C:\\a\\b.js:23 msg=oh"],
    ["2026-11-22listening", "ts=2026-11-22 msg=listening"],
    ["  indented", 'msg=" indented"'],
  ])("reads %o as %s", ([text, line, options]) => {
    expect(lines(text, options)).toEqual([`${line}\n`]);
  });

  it("makes a record of each line, however the text is cut, and leaves out empty ones", () => {
    const text = Buffer.from("first ä😀\r\n\nsecond\nthird");
    for (let size = 1; size <= text.length; size++) {
      const records: Fields[] = [];
      const writer = lineWriter(loggerFunc((record) => records.push(record)));
      for (let at = 0; at < text.length; at += size) writer.write(text.subarray(at, at + size));
      expect(records.map(({ msg }) => msg)).toEqual(["first ä😀", "second"]);
      writer.end();
      expect(records.map(({ msg }) => msg)).toEqual(["first ä😀", "second", "third"]);
    }
  });

  it("logs a line without an end in pieces", () => {
    const lengths: number[] = [];
    const writer = lineWriter(loggerFunc(({ msg }) => lengths.push(String(msg).length)));
    for (let i = 0; i < 200; i++) writer.write("x".repeat(1000));
    writer.end();
    expect(lengths).toEqual([65_536, 65_536, 65_536, 200_000 - 3 * 65_536]);
  });

  it("captures a Console, with the level of its logger", () => {
    const written: string[] = [];
    const console = new Console(lineWriter(info(jsonLogger({ write: (line) => written.push(line) }))));
    console.log("hello %s", "world");
    console.error({ a: 1 });
    expect(written).toEqual(['{"level":"info","msg":"hello world"}\n', '{"level":"info","msg":"{ a: 1 }"}\n']);
  });

  it("ends what is piped into it", async () => {
    const records: Fields[] = [];
    await pipeline(Readable.from(["a\nb", "c\n", "d"]), lineWriter(loggerFunc((record) => records.push(record))));
    expect(records.map(({ msg }) => msg)).toEqual(["a", "bc", "d"]);
  });

  it("reads a line made to be slow as fast as any", async () => {
    const writer = lineWriter(loggerFunc(() => {}));
    const started = performance.now();
    writer.end(`${"a:1".repeat(20_000)}\n${":1".repeat(30_000)}\n${"1".repeat(60_000)}:`);
    await once(writer, "finish");
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
