import { testLogger } from "@kit/conformance/logger";
import { bind, jsonLogger } from "@kit/log";
import { rsyslog, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, beforeAll, describe, vi } from "vitest";
import { syslogLogger, type SyslogLoggerOptions } from "../src/index.ts";
import { linesWith } from "./daemon.ts";
import { decode } from "./decode.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 });

const levels = ["error", "error", "error", "error", "warn", "info", "info", "debug"];
const broken = { format: () => ({ log: raise }) };

function raise(): never {
  throw new Error("disk full");
}

whenStartable(rsyslog, () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer(rsyslog)));
  afterAll(() => server[Symbol.asyncDispose]());
  let loggers = 0;

  const forms: Record<string, Partial<SyslogLoggerOptions>> = {
    "RFC 5424": {},
    "RFC 5424 with the record as JSON": { format: jsonOfErrors },
    "RFC 3164 with the record as JSON": { rfc: 3164, format: jsonOfErrors },
  };

  describe.each(Object.entries(forms))("syslogLogger by %s", (_, form) => {
    testLogger({
      async setup({ failing }) {
        const appName = `suite${++loggers}`;
        const options: SyslogLoggerOptions = { appName, protocol: "tcp", port: server.port, ...form };
        const logger = syslogLogger({ ...options, ...(failing && { ...broken, ...failing }) });
        const records = async () => {
          // What has come before it on the same connection is there when it is.
          logger.log({ msg: "end of suite" });
          const lines = await linesWith(server, appName, (all) => all.at(-1)?.msg.includes("end of suite") ?? false);
          return lines.slice(0, -1).map(({ raw }) => {
            if (form.format !== undefined) return JSON.parse(raw.slice(raw.indexOf("{"))) as Record<string, unknown>;
            const { severity, params, msg } = decode(raw);
            return { level: levels[severity], ...params, ...(msg !== undefined && { msg }) };
          });
        };
        return { subject: { logger, bind, records }, teardown: () => logger.close() };
      },
      supports: { fieldOrder: true, errorStack: true, errorCause: true, sinkFailure: true },
    });
  });
});

function jsonOfErrors(...[writer, options]: Parameters<NonNullable<SyslogLoggerOptions["format"]>>) {
  return jsonLogger(writer, { ...options, errors: "object" });
}
