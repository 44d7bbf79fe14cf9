import { execFileSync } from "node:child_process";
import { bind, jsonLogger, levels } from "@kit/log";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { colorBy, type Style, termLogger, type TermLoggerOptions } from "../src/index.ts";

/** A logger on a stream, and what that was sent. */
function setup(options: Omit<TermLoggerOptions, "stream"> = {}, isTTY = true) {
  const lines: string[] = [];
  return { lines, logger: termLogger({ stream: { isTTY, write: (line) => lines.push(line) }, ...options }) };
}

const reset = "\u001b[39;49;22m";
const red = "\u001b[31;1m";

describe("termLogger", () => {
  beforeEach(() => {
    for (const name of ["FORCE_COLOR", "NO_COLOR"]) vi.stubEnv(name, undefined);
    vi.stubEnv("TERM", "xterm");
  });
  afterEach(() => vi.unstubAllEnvs());

  // go-kit: TestColorLogger
  it("sends what go-kit sends, and a plain line for no style", () => {
    let style: Style | undefined;
    const { logger, lines } = setup({ color: () => style });
    logger.log({ hello: "world" });
    style = { text: "green", background: "white" };
    logger.log({ a: 1 });
    style = {};
    logger.log({ a: 2 });
    expect(lines).toEqual(["hello=world\n", `\u001b[32;1m\u001b[47;1ma=1\n${reset}`, "a=2\n"]);
  });

  it("colours by level, bound or not", () => {
    const { logger, lines } = setup();
    const log = levels(bind(logger, { part: "p" }));
    for (const level of ["debug", "info", "warn", "error"] as const) log[level]("m");
    logger.log({ level: "error" });
    expect(lines).toEqual([
      `\u001b[30;1mlevel=debug part=p msg=m\n${reset}`,
      "level=info part=p msg=m\n",
      `\u001b[33;1mlevel=warn part=p msg=m\n${reset}`,
      `${red}level=error part=p msg=m\n${reset}`,
      `${red}level=error\n${reset}`,
    ]);
  });

  it("colours by any field, in any format", () => {
    const { logger, lines } = setup({
      format: jsonLogger,
      color: colorBy("component", { db: { text: "darkCyan", background: "black" } }),
    });
    for (const component of ["db", "toString", 1]) logger.log({ component });
    expect(lines).toEqual([
      `\u001b[36m\u001b[40m{"component":"db"}\n${reset}`,
      '{"component":"toString"}\n',
      '{"component":1}\n',
    ]);
  });

  it.for<[Record<string, string>, boolean, boolean]>([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ TERM: "dumb" }, true, false],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ FORCE_COLOR: "false" }, true, false],
    [{ FORCE_COLOR: "" }, false, false],
  ])("with %o, a terminal being %s, colours: %s", ([env, isTTY, coloured]) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const { logger, lines } = setup({}, isTTY);
    logger.log({ level: "error" });
    expect(lines).toEqual([coloured ? `${red}level=error\n${reset}` : "level=error\n"]);
    const told = setup({ colored: !coloured }, isTTY);
    told.logger.log({ level: "error" });
    expect(told.lines[0]!.startsWith("\u001b")).toBe(!coloured);
  });

  it("knows a real terminal from a pipe", ({ skip }) => {
    if (process.platform !== "linux") skip("the terminal is made by util-linux's script");
    const file = new URL("../dist/index.js", import.meta.url).href;
    const program = `import { termLogger } from "${file}"; termLogger({ stream: process.stdout }).log({ level: "error" });`;
    const args = ["--input-type=module", "--eval", program];
    const piped = execFileSync(process.execPath, args, { encoding: "utf8" });
    expect(piped).toBe("level=error\n");
    const quoted = [process.execPath, ...args].map((arg) => `'${arg}'`).join(" ");
    const shown = execFileSync("script", ["--quiet", "--return", "--command", quoted, "/dev/null"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    expect(shown).toContain(`${red}level=error\r\n${reset}`);
  });

  it("lets no value send a terminal anything", () => {
    const { logger, lines } = setup({ color: () => undefined });
    logger.log({ msg: "\u001b[2J\nforged" });
    expect(lines).toEqual(['msg="\\u001b[2J\\nforged"\n']);
  });

  it("prints a plain line and reports it when the colour cannot be told", () => {
    const onError = vi.fn<(error: unknown) => void>();
    const raise = (): never => {
      throw new Error("oh");
    };
    const { logger, lines } = setup({ color: raise, onError });
    logger.log({ a: 1 });
    const wrong = setup({ color: () => ({ text: "pink" }) as never, onError });
    wrong.logger.log({ a: 1 });
    expect([...lines, ...wrong.lines]).toEqual(["a=1\n", "a=1\n"]);
    expect(onError.mock.calls).toEqual([[new Error("oh")], [expect.any(TypeError)]]);
  });

  it.for<[string, unknown]>([
    ["termLogger: stream must have a write method", {}],
    ["termLogger: format must be a function, got string", { stream: process.stdout, format: "json" }],
    ["termLogger: color must be a function, got object", { stream: process.stdout, color: {} }],
  ])("refuses wrong options: %s", ([message, options]) => {
    expect(() => termLogger(options as TermLoggerOptions)).toThrow(new TypeError(message));
    expect(() => colorBy("level", { error: { text: "pink" as "red" } })).toThrow(TypeError);
  });
});
