import { spawnSync } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { eventually } from "@kit/servers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type SyslogLoggerOptions, syslogLogger } from "../src/index.ts";
import { freePort, tcpDaemon, udpDaemon } from "./daemon.ts";
import { numbersIn } from "./decode.ts";

vi.setConfig({ testTimeout: 60_000 });

const now = () => 0;

function loggerTo(options: Partial<SyslogLoggerOptions>) {
  const errors: { readonly code?: string; readonly message: string; readonly cause?: unknown }[] = [];
  const logger = syslogLogger({
    appName: "flood",
    hostname: "h",
    procId: "1",
    now,
    onError: (error) => errors.push(error as Error),
    ...options,
  });
  return { logger, errors };
}

/** Takes the place of the clock that says how old a connection is. */
function setAge(age: () => number): void {
  const spy = vi.spyOn(performance, "now").mockImplementation(age);
  onTestFinished(() => spy.mockRestore());
}

const flood = 100_000;
// Each as long as the others, and its count of octets of two digits.
const bytesEach = '86 <14>1 1970-01-01T00:00:00.000Z h flood 1 - [fields@32473 n="100000"] some twenty letters.'.length;

describe("a flood of 100 000 lines", () => {
  const pour = (logger: { log(fields: object): void }): void => {
    for (let n = 0; n < flood; n++) logger.log({ n: 100_000 + n, msg: "some twenty letters." });
  };

  it("reaches a daemon that reads, line for line, when it is given the room", async () => {
    await using daemon = await tcpDaemon();
    const { logger, errors } = loggerTo({
      protocol: "tcp",
      port: daemon.port,
      maxQueueBytes: 2 ** 26,
      closeTimeoutMs: 50_000,
    });
    pour(logger);
    await logger.close();
    await eventually(() => daemon.sockets.size === 0);
    expect(numbersIn(daemon.messages())).toHaveLength(flood);
    expect([logger.dropped, errors]).toEqual([0, []]);
  });

  it.each([
    ["nobody listens", freePort],
    ["the daemon does not read", async () => (await tcpDaemon(0, (socket) => socket.pause())).port],
  ])("takes no more than maxQueueBytes and counts the rest when %s", async (_, makePort) => {
    const port = await makePort();
    const { logger, errors } = loggerTo({ protocol: "tcp", port, maxQueueBytes: 1_000_000, closeTimeoutMs: 0 });
    pour(logger);
    expect(logger.dropped).toBe(flood - Math.floor(1_000_000 / bytesEach));
    expect(errors).toMatchObject([
      { code: "resource_exhausted", message: expect.stringContaining("more are dropped") as string },
    ]);
    await logger.close();
  });

  it.each<[string, (socket: Socket) => void]>([
    ["as soon as it is made", (socket) => socket.resetAndDestroy()],
    ["by its first bytes", (socket) => socket.once("data", () => socket.resetAndDestroy())],
  ])("is counted as a whole when each connection is reset %s", async (_, onConnection) => {
    setAge(() => 0);
    await using daemon = await tcpDaemon(0, onConnection);
    const { logger, errors } = loggerTo({ protocol: "tcp", port: daemon.port, maxQueueBytes: 2 ** 26 });
    pour(logger);
    await eventually(() => errors.length > 0);
    await logger.close();
    expect(logger.dropped).toBe(flood);
    // Once that it cannot send, and once that lines are left, if some are.
    expect(errors.length).toBeLessThanOrEqual(2);
    expect(errors[0]).toMatchObject({
      code: "unavailable",
      message: `syslog: cannot send to tcp 127.0.0.1:${daemon.port}`,
    });
  });

  it("lets other work go on while it goes over UDP", async () => {
    using daemon = await udpDaemon();
    const { logger } = loggerTo({ port: daemon.port, maxQueueBytes: 2 ** 26, closeTimeoutMs: 50_000 });
    pour(logger);
    let turns = 0;
    let over = false;
    const turn = (): void => {
      turns++;
      if (!over) setImmediate(turn);
    };
    turn();
    await logger.close();
    over = true;
    expect(turns).toBeGreaterThan(100);
    expect(logger.dropped).toBe(0);
  });
});

describe("a daemon that is away", () => {
  it("gets the lines that waited once it is there", async () => {
    const port = await freePort();
    const { logger, errors } = loggerTo({ protocol: "tcp", port });
    logger.log({ n: 1 });
    await eventually(() => errors.length === 1);
    logger.log({ n: 2 });
    await using daemon = await tcpDaemon(port);
    await eventually(() => daemon.messages().length === 2);
    await logger.close();
    expect(numbersIn(daemon.messages())).toEqual([1, 2]);
    expect(logger.dropped).toBe(0);
    expect(errors).toMatchObject([{ code: "unavailable", cause: { code: "ECONNREFUSED" } }]);
  });

  it("and has hung up is connected to again, each time told of once", async () => {
    let later = 0;
    setAge(() => later);
    const port = await freePort();
    const { logger, errors } = loggerTo({ protocol: "tcp", port });
    for (let n = 1; n <= 3; n++) {
      await using daemon = await tcpDaemon(port);
      logger.log({ n });
      await eventually(() => daemon.messages().length > 0);
      expect(numbersIn(daemon.messages())).toEqual([n]);
      // What goes over an old connection has been heard.
      later += 2000;
      await daemon.end();
      await eventually(() => errors.length === n);
    }
    await logger.close();
    expect(logger.dropped).toBe(0);
  });

  it("counts as having heard nothing when it hangs up at once", async () => {
    setAge(() => 0);
    await using daemon = await tcpDaemon();
    const { logger, errors } = loggerTo({ protocol: "tcp", port: daemon.port });
    logger.log({ n: 1 });
    await eventually(() => daemon.messages().length === 1);
    for (const socket of daemon.sockets) socket.destroy();
    await eventually(() => errors.length === 1);
    await logger.close();
    expect(logger.dropped).toBe(1);
  });

  it("is told of once over UDP, and what it did not get is counted", async () => {
    const port = await freePort();
    const { logger, errors } = loggerTo({ port });
    for (let n = 1; n <= 10; n++) logger.log({ n });
    await eventually(() => logger.dropped > 0);
    expect(errors).toMatchObject([{ code: "unavailable", cause: { code: "ECONNREFUSED" } }]);
    const daemon = await udpDaemon(port);
    await eventually(() => daemon.messages.length > 0);
    await logger.close();
    await eventually(() => daemon.messages.length + logger.dropped === 10);
    expect(numbersIn(daemon.messages).at(-1)).toBe(10);
    daemon[Symbol.dispose]();
  });

  it("because its name is unknown does not hold up the end for longer than closeTimeoutMs", async () => {
    for (const protocol of ["udp", "tcp"] as const) {
      const { logger, errors } = loggerTo({ protocol, host: "nobody.invalid", closeTimeoutMs: 10 });
      logger.log({ n: 1 });
      await logger.close();
      expect(logger.dropped).toBe(1);
      expect(errors.at(-1)).toMatchObject({
        code: "unavailable",
        message: `syslog: closed with 1 messages unsent to ${protocol} nobody.invalid:514`,
      });
    }
  });
});

describe("close", () => {
  it("sends what waits, in order, and may be called again; what comes then is dropped", async () => {
    await using daemon = await tcpDaemon();
    const { logger, errors } = loggerTo({ protocol: "tcp", port: daemon.port });
    for (let n = 1; n <= 1000; n++) logger.log({ n });
    await Promise.all([logger.close(), logger.close()]);
    await logger.close();
    logger.log({ n: 1001 });
    await eventually(() => daemon.sockets.size === 0);
    expect(numbersIn(daemon.messages())).toHaveLength(1000);
    expect([logger.dropped, errors]).toEqual([1, []]);
  });

  it("tries again until its time is up", async () => {
    const port = await freePort();
    const { logger, errors } = loggerTo({ protocol: "tcp", port, closeTimeoutMs: 50_000 });
    logger.log({ n: 1 });
    const closed = logger.close();
    await eventually(() => errors.length === 1);
    await using daemon = await tcpDaemon(port);
    await closed;
    await eventually(() => daemon.messages().length === 1);
    expect(logger.dropped).toBe(0);
  });

  it("gives up on a daemon that does not read, and counts what is left", async () => {
    await using daemon = await tcpDaemon(0, (socket) => socket.pause());
    const { logger } = loggerTo({ protocol: "tcp", port: daemon.port, maxQueueBytes: 2 ** 26, closeTimeoutMs: 50 });
    logger.log({ n: 0 });
    await eventually(() => daemon.sockets.size === 1);
    for (let n = 1; n <= 1500; n++) logger.log({ n, msg: "x".repeat(7_500) });
    await logger.close();
    expect(logger.dropped).toBeGreaterThan(0);
    expect(logger.dropped).toBeLessThan(1500);
  });

  it("has nothing to do where nothing was logged", async () => {
    const { logger, errors } = loggerTo({ protocol: "tcp", port: await freePort() });
    await logger.close();
    expect([logger.dropped, errors]).toEqual([0, []]);
  });
});

describe("a connection", () => {
  it("ends each line in a newline where that is asked for", async () => {
    await using daemon = await tcpDaemon();
    const { logger } = loggerTo({ protocol: "tcp", port: daemon.port, framing: "newline" });
    logger.log({ msg: "one\ntwo" });
    logger.log({ msg: "thrée" });
    await logger.close();
    await eventually(() => daemon.sockets.size === 0);
    expect(daemon.text()).toBe(
      "<14>1 1970-01-01T00:00:00.000Z h flood 1 - - one\\ntwo\n<14>1 1970-01-01T00:00:00.000Z h flood 1 - - thrée\n",
    );
  });

  it("does not mind what the daemon says", async () => {
    await using daemon = await tcpDaemon(0, (socket) => socket.write("\0garbage\n".repeat(10_000)));
    const { logger, errors } = loggerTo({ protocol: "tcp", port: daemon.port, closeTimeoutMs: 1_000_000 });
    logger.log({ n: 1 });
    await eventually(() => daemon.sockets.size === 1);
    logger.log({ n: 2 });
    await logger.close();
    await eventually(() => daemon.messages().length === 2);
    expect(errors).toEqual([]);
  });

  it("to what is no TLS server fails, is told of once, and loses nothing that it does not count", async () => {
    await using daemon = await tcpDaemon(0, (socket) => socket.end("220 smtp.example.com\r\n"));
    const { logger, errors } = loggerTo({ protocol: "tls", port: daemon.port, closeTimeoutMs: 300 });
    logger.log({ n: 1 });
    await logger.close();
    expect(logger.dropped).toBe(1);
    expect(errors.map(({ code }) => code)).toEqual(["unavailable", "unavailable"]);
  });

  it.each(["udp", "tcp"])("does not keep the process alive over %s", async (protocol) => {
    await using daemon = await tcpDaemon();
    const index = fileURLToPath(new URL("../dist/index.js", import.meta.url));
    const script = `
      import { syslogLogger } from ${JSON.stringify(index)};
      const logger = syslogLogger({ appName: "a", protocol: "${protocol}", port: ${daemon.port} });
      logger.log({ msg: "m" });
      setTimeout(() => console.log("over"), 300);
    `;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 50_000,
    });
    expect([stdout, status]).toEqual(["over\n", 0]);
  });
});

describe("a socket for unix datagrams", () => {
  it("is open only while there is something to send, and made anew after it failed", async () => {
    let [made, closed] = [0, 0];
    let refuse = true;
    const sent: string[] = [];
    const unixDgram = () => {
      if (++made === 2) throw new Error("no socket");
      return {
        sendTo(bytes: Buffer, offset: number, length: number, path: string, done: (error?: Error) => void) {
          if (!refuse) sent.push(`${path} ${bytes.toString("utf8", offset, length)}`);
          done(refuse ? new Error("No such file or directory") : undefined);
        },
        close: () => void closed++,
      };
    };
    const { logger, errors } = loggerTo({ protocol: "unix-dgram", path: "/dev/log", unixDgram });
    logger.log({ n: 1 });
    logger.log({ n: 2 });
    await eventually(() => made === 2);
    refuse = false;
    await eventually(() => closed === 2);
    expect(numbersIn(sent.map((text) => text.slice("/dev/log ".length)))).toEqual([1, 2]);
    expect([made, logger.dropped]).toEqual([3, 0]);
    expect(errors).toMatchObject([{ code: "unavailable", message: "syslog: cannot send to unix-dgram /dev/log" }]);
    logger.log({ n: 3 });
    await logger.close();
    expect([made, closed, sent.length]).toEqual([4, 3, 3]);
  });

  it("is closed when its receiver has no room, and each line tried again until there is some", async () => {
    let room = 0;
    let closed = 0;
    const sent: string[] = [];
    const unixDgram = () => ({
      sendTo(bytes: Buffer, _offset: number, _length: number, _path: string, done: () => void) {
        if (room-- <= 0) return;
        sent.push(bytes.toString());
        done();
      },
      close: () => void closed++,
    });
    const { logger, errors } = loggerTo({ protocol: "unix-dgram", unixDgram, closeTimeoutMs: 50_000 });
    for (let n = 0; n < 1000; n++) logger.log({ n });
    await eventually(() => closed > 2);
    room = 500;
    await eventually(() => sent.length === 500);
    const end = logger.close();
    room = Number.POSITIVE_INFINITY;
    await end;
    expect(numbersIn(sent)).toHaveLength(1000);
    expect([logger.dropped, errors]).toEqual([0, []]);
  });
});
