import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DgramSocket } from "node-unix-socket";
import { eventually, rsyslog, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { syslogLogger, type SyslogLoggerOptions } from "../src/index.ts";
import { type Line, linesOf, linesWith } from "./daemon.ts";
import { decode, numbersIn } from "./decode.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 90_000 });

type Way = NonNullable<SyslogLoggerOptions["protocol"]>;
const ways: readonly Way[] = ["udp", "tcp", "tls", "unix", "unix-dgram"];
const reliable = ways.filter((way) => way !== "udp");

/** How to reach the server that way. */
function by(protocol: Way, { port, place: { directory, ports } }: Server): Partial<SyslogLoggerOptions> {
  const pem = (name: string): Buffer => readFileSync(join(directory, `${name}.pem`));
  switch (protocol) {
    case "tls":
      return { protocol, port: ports[1]!, tls: { ca: pem("cert"), cert: pem("cert"), key: pem("key") } };
    case "unix":
      return { protocol, path: join(directory, "stream") };
    case "unix-dgram":
      return { protocol, path: join(directory, "dgram"), unixDgram: () => new DgramSocket() };
    case "udp":
    case "tcp":
      break;
  }
  return { protocol, port };
}

function loggerTo(server: Server, way: Way, options: Partial<SyslogLoggerOptions> = {}) {
  const errors: { readonly code?: string; readonly message: string; readonly cause?: unknown }[] = [];
  const appName = `${way}${++loggers}`;
  const onError = (error: unknown): void => void errors.push(error as Error);
  const logger = syslogLogger({ appName, closeTimeoutMs: 50_000, onError, ...by(way, server), ...options });
  return { logger, errors, appName };
}

let loggers = 0;

const raws = (lines: readonly Line[]): readonly string[] => lines.map(({ raw }) => raw);

const last = (lines: readonly Line[]): number => Number(decode(lines.at(-1)!.raw).params["n"]);

whenStartable(rsyslog, () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer(rsyslog)));
  afterAll(() => server[Symbol.asyncDispose]());

  describe.each(ways)("syslogLogger over %s", (way) => {
    it("has every line of its own in the daemon's file, number for number", async () => {
      const { logger, appName, errors } = loggerTo(server, way);
      const notes = ['say "hi"', "C:\\a\\b", "[]]", "a\nb", "Grüße 世界 👩‍🚀", "", "x".repeat(2000)];
      for (let n = 0; n < 1000; n++)
        logger.log({ n, note: notes[n % notes.length], msg: notes[(n + 1) % notes.length] });
      await logger.close();
      const lines = await linesWith(server, appName, ({ length }) => length >= 1000);
      for (const [n, { raw }] of lines.entries()) {
        const { params, msg } = decode(raw);
        expect(params).toEqual({ n: `${n}`, note: notes[n % notes.length] });
        expect(msg).toBe(notes[(n + 1) % notes.length]);
      }
      expect([lines.length, logger.dropped, errors]).toEqual([1000, 0, []]);
    });

    it("is understood by the daemon part by part, by either RFC", async () => {
      const options: Partial<SyslogLoggerOptions> = { facility: "local3", procId: "17", severity: () => "crit" };
      const { logger, appName } = loggerTo(server, way, { ...options, hostname: "web1", msgId: () => "ORDER" });
      const time = Date.UTC(2026, 10, 5, 9, 8, 7, 654);
      const old = loggerTo(server, way, { ...options, rfc: 3164, now: () => time });
      logger.log({ user: 'a"b', msg: "ordered" });
      old.logger.log({ user: 'a"b', msg: "ordered" });
      await Promise.all([logger.close(), old.logger.close()]);
      const [line] = await linesWith(server, appName, ({ length }) => length === 1);
      expect(line).toMatchObject({
        facility: "local3",
        severity: "crit",
        version: "1",
        hostname: "web1",
        appName,
        procId: "17",
        msgId: "ORDER",
        data: '[fields@32473 user="a\\"b"]',
        msg: "ordered",
      });
      const [oldLine] = await linesWith(server, old.appName, ({ length }) => length === 1);
      expect(oldLine).toMatchObject({
        facility: "local3",
        severity: "crit",
        version: "0",
        appName: old.appName,
        procId: "17",
        msg: ' user="a\\"b" msg=ordered',
      });
      expect(oldLine!.raw).toContain(">Nov  5 ");
    });

    it("sends messages as long as the daemon takes them, and no longer", async () => {
      const { logger, appName } = loggerTo(server, way);
      for (let n = 0; n < 3; n++) logger.log({ n, msg: "m".repeat(7_900 + 500 * n) });
      logger.log({ n: 3 });
      await logger.close();
      const lines = await linesWith(server, appName, (all) => all.length > 0 && last(all) === 3);
      expect(numbersIn(raws(lines))).toEqual([0, 1, 2, 3]);
      expect(decode(lines[0]!.raw).msg).toBe("m".repeat(7_900));
      for (const { raw } of lines) expect(Buffer.byteLength(raw)).toBeLessThanOrEqual(8096);
    });
  });

  describe.each(reliable)("syslogLogger over %s", (way) => {
    it("loses nothing uncounted of a flood of 100 000 lines to a daemon that is stopped and goes on", async () => {
      await using own = await startServer(rsyslog);
      const { logger, appName, errors } = loggerTo(own, way, { maxQueueBytes: 2_000_000 });
      logger.log({ n: 0 });
      await linesWith(own, appName, ({ length }) => length === 1);
      own.pause();
      for (let n = 1; n < 100_000; n++) {
        logger.log({ n, msg: "some twenty letters." });
        if (n % 1000 === 0) await new Promise(setImmediate);
      }
      expect(logger.dropped).toBeGreaterThan(0);
      const before = logger.dropped;
      own.resume();
      // Some of these find no room either, until one does.
      await eventually(async () => {
        logger.log({ n: 100_000 });
        return last(await linesOf(own, appName)) === 100_000;
      });
      await logger.close();
      const flood = raws(await linesOf(own, appName)).filter((raw) => !raw.includes(' n="100000"'));
      expect(numbersIn(flood)).toHaveLength(100_000 - before);
      expect(errors[0]).toMatchObject({ code: "resource_exhausted" });
    });

    it("goes on when the daemon was killed and started anew, with no line twice", async () => {
      await using own = await startServer(rsyslog);
      const { logger, appName, errors } = loggerTo(own, way);
      let n = 0;
      for (; n < 100; n++) logger.log({ n });
      await linesWith(own, appName, ({ length }) => length === 100);
      await own.kill();
      await eventually(() => {
        logger.log({ n: n++ });
        return errors.length > 0;
      });
      await own.restart();
      logger.log({ n });
      await linesWith(own, appName, (all) => last(all) === n);
      await logger.close();
      const numbers = numbersIn(raws(await linesOf(own, appName)));
      // What the kernel of the old one had taken is lost.
      expect(numbers.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, each) => each));
      expect(errors[0]).toMatchObject({ code: "unavailable" });
    });

    it("closes in time when the daemon is stopped", async () => {
      await using own = await startServer(rsyslog);
      const { logger, appName } = loggerTo(own, way, { closeTimeoutMs: 50, maxQueueBytes: 2 ** 26 });
      own.pause();
      // Far more than the kernel takes.
      for (let n = 0; n < 50_000; n++) logger.log({ n, msg: "x".repeat(500) });
      const dropped = logger.dropped;
      await logger.close();
      own.resume();
      expect(logger.dropped).toBeGreaterThan(dropped);
      // The kernel had taken some of it; over TLS nothing goes before the daemon has answered.
      await eventually(async () => (await linesOf(own, appName)).length > 0 || logger.dropped === 50_000);
    });
  });

  describe("syslogLogger over tls", () => {
    it.each<[string, (server: Server) => Partial<SyslogLoggerOptions>, object]>([
      [
        "a daemon whose certificate it does not trust",
        () => ({ tls: {} }),
        { cause: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" } },
      ],
      [
        "a daemon whose certificate is for another name",
        (own) => ({ tls: { ...by("tls", own).tls, servername: "logs.example.com" } }),
        { cause: { code: "ERR_TLS_CERT_ALTNAME_INVALID" } },
      ],
      [
        "a daemon that wants a certificate of its own",
        (own) => ({ tls: { ca: by("tls", own).tls!.ca! } }),
        { cause: expect.any(Error) as Error },
      ],
      ["plain TCP", ({ port }) => ({ port }), { cause: expect.any(Error) as Error }],
    ])("gets nothing to %s, and says so", async (_, options, cause) => {
      const { logger, errors, appName } = loggerTo(server, "tls", { ...options(server), closeTimeoutMs: 100 });
      logger.log({ n: 0 });
      await eventually(() => errors.length > 0);
      await logger.close();
      expect(errors[0]).toMatchObject({ code: "unavailable", ...cause });
      expect(logger.dropped).toBe(1);
      expect(await linesOf(server, appName)).toEqual([]);
    });
  });
});
