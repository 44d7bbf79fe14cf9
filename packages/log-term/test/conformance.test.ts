import { testLogger } from "@kit/conformance/logger";
import { bind, type Fields, jsonLogger } from "@kit/log";
import { termLogger } from "../src/index.ts";

testLogger({
  setup: async ({ failing }) => {
    const lines: string[] = [];
    const write = (line: string): void => {
      if (failing !== undefined) throw new Error("disk full");
      lines.push(line);
    };
    const logger = termLogger({
      stream: { write },
      colored: true,
      color: () => ({ text: "red" }),
      format: (writer, options) => jsonLogger(writer, { ...options, errors: "object" }),
      ...failing,
    });
    const records = async (): Promise<Fields[]> =>
      lines.map((line) => JSON.parse(line.slice("\u001b[31;1m".length, -"\u001b[39;49;22m".length)) as Fields);
    return { subject: { logger, bind, records } };
  },
  supports: { fieldOrder: true, errorStack: true, errorCause: true, sinkFailure: true },
});
