import { testLogger } from "@kit/conformance/logger";
import { bind, type Fields } from "@kit/log";
import { pino } from "pino";
import { syslogLogger } from "../src/index.ts";

testLogger({
  setup: async ({ failing }) => {
    const lines: string[] = [];
    const write = (line: string): void => {
      if (failing !== undefined) throw new Error("disk full");
      lines.push(line);
    };
    const logger = syslogLogger({ logger: pino({ level: "debug" }, { write }), ...failing });
    const records = async (): Promise<Fields[]> =>
      lines.map((line) => {
        const record = JSON.parse(line) as Record<string, unknown>;
        return { ...record, level: pino.levels.labels[record["level"] as number] };
      });
    return { subject: { logger, bind, records } };
  },
  supports: { fieldOrder: true, errorStack: true, errorCause: true, sinkFailure: true },
});
