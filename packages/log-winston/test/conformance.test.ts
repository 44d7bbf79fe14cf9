import { Writable } from "node:stream";
import { testLogger } from "@kit/conformance/logger";
import { bind, type Fields } from "@kit/log";
import { createLogger, format, transports } from "winston";
import { winstonLogger } from "../src/index.ts";

testLogger({
  setup: async ({ failing }) => {
    const lines: string[] = [];
    const stream = new Writable({
      write(line: Buffer, _encoding, done) {
        lines.push(line.toString());
        done();
      },
    });
    const full = format(() => {
      if (failing !== undefined) throw new Error("disk full");
      return {} as never;
    });
    const target = createLogger({
      level: "debug",
      format: failing === undefined ? format.json({ deterministic: false }) : full(),
      transports: new transports.Stream({ stream }),
    });
    const logger = winstonLogger({ logger: target, ...failing });
    const records = async (): Promise<Fields[]> =>
      lines.map((line) => {
        const { message, ...record } = JSON.parse(line) as Record<string, unknown>;
        return { ...record, msg: message };
      });
    return { subject: { logger, bind, records } };
  },
  supports: { fieldOrder: true, errorStack: true, errorCause: true, sinkFailure: true },
});
