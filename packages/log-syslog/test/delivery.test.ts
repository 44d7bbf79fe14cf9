import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { eventually } from "@kit/servers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type SyslogLoggerOptions, syslogLogger } from "../src/index.ts";
import { freePort, tcpDaemon, udpDaemon } from "./daemon.ts";
import { numbersIn } from "./decode.ts";

vi.setConfig({ testTimeout: 60_000 });

function loggerTo(options: Partial<SyslogLoggerOptions>) {
  const errors: { readonly code?: string; readonly message: string; readonly cause?: unknown }[] = [];
  const logger = syslogLogger({
    appName: "flood",
    hostname: "h",
    procId: "1",
    now: () => 0,
    onError: (error) => errors.push(error as Error),
    ...options,
  });
  return { logger, errors };
}

const flood = 100_000;
// Each as long as the others, and its count of octets of two digits.
const bytesEach = '86 <14>1 1970-01-01T00:00:00.000Z h flood 1 - [fields@32473 n="100000"] some twenty letters.'.length;

describe("a flood of 100 000 records", () => {
  const pour = (logger: { log(fields: object): void }): void => {
    for (let n = 0; n < flood; n++) logger.log({ n: 100_000 + n, msg: "some twenty letters." });
  };

  it("reaches a daemon that reads, record for record, when it is given the room", async () => {
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
    const room = Math.floor(1_000_000 / bytesEach);
    expect(logger.dropped).toBe(flood - room);
    expect(errors).toMatchObject([
      {
        code: "resource_exhausted",
        message: `syslog: ${room} messages wait for tcp 127.0.0.1:${port}, more are dropped`,
      },
    ]);
    await logger.close();
  });

  it("is counted as a whole when each connection is reset", async () => {
    const clock = vi.spyOn(performance, "now").mockReturnValue(0);
    onTestFinished(() => clock.mockRestore());
    await using daemon = await tcpDaemon(0, (socket) => socket.resetAndDestroy());
    const { logger, errors } = loggerTo({ protocol: "tcp", port: daemon.port, maxQueueBytes: 2 ** 26 });
    pour(logger);
    await eventually(() => errors.length > 0);
    await logger.close();
    expect(logger.dropped).toBe(flood);
    // Once that it cannot send, and once that lines are left, if some are.
    expect(errors.length).toBeLessThanOrEqual(2);
  });
});

describe("a daemon that is away", () => {
  it("gets the messages that waited once it is there", async () => {
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
    expect(errors).toMatchObject([
      {
        code: "unavailable",
        message: `syslog: cannot send to tcp 127.0.0.1:${port}`,
        cause: { code: "ECONNREFUSED" },
      },
    ]);
  });

  it("is told of once over UDP, a datagram a message, and what it did not get is counted", async () => {
    const port = await freePort();
    const { logger, errors } = loggerTo({ port });
    for (let n = 1; n <= 10; n++) logger.log({ n });
    await eventually(() => logger.dropped > 0);
    expect(errors).toMatchObject([{ code: "unavailable", cause: { code: "ECONNREFUSED" } }]);
    using daemon = await udpDaemon(port);
    await eventually(() => daemon.messages.length > 0);
    await logger.close();
    await eventually(() => daemon.messages.length + logger.dropped === 10);
    expect(numbersIn(daemon.messages).at(-1)).toBe(10);
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

  it.each(["udp", "tcp"] as const)("tells what is left, over %s to a name that nobody has", async (protocol) => {
    const { logger, errors } = loggerTo({ protocol, host: "nobody.invalid", closeTimeoutMs: 10 });
    logger.log({ n: 1 });
    await logger.close();
    expect(logger.dropped).toBe(1);
    expect(errors.at(-1)).toMatchObject({
      code: "unavailable",
      message: `syslog: closed with 1 messages unsent to ${protocol} nobody.invalid:514`,
    });
  });

  it("has nothing to do where nothing was logged", async () => {
    const { logger, errors } = loggerTo({ protocol: "tcp", port: await freePort() });
    await logger.close();
    expect([logger.dropped, errors]).toEqual([0, []]);
  });
});

describe("a connection", () => {
  it("ends each message in a newline where that is asked for", async () => {
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
