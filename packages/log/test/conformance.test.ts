import { testLogger } from "@kit/conformance/logger";
import { testMiddleware } from "@kit/conformance/middleware";
import { describe } from "vitest";
import {
  bind,
  type Fields,
  jsonLogger,
  type JsonLoggerOptions,
  logfmtLogger,
  logged,
  type Logger,
  type OnError,
  type Writer,
} from "../src/index.ts";
import { parseLogfmt } from "./logfmt.ts";

function setup(make: (writer: Writer, onError?: OnError) => Logger, parse: (line: string) => Fields) {
  return async ({ failing }: { readonly failing?: { readonly onError: OnError } }) => {
    const lines: string[] = [];
    const write = (line: string): void => {
      if (failing !== undefined) throw new Error("disk full");
      lines.push(line);
    };
    const logger = make({ write }, failing?.onError);
    const records = async (): Promise<Fields[]> => lines.join("").split("\n").slice(0, -1).map(parse);
    return { subject: { logger, bind, records } };
  };
}

const json = (options: JsonLoggerOptions) =>
  setup(
    (writer, onError) => jsonLogger(writer, { ...options, ...(onError && { onError }) }),
    (line) => JSON.parse(line) as Fields,
  );

const noStack = "errors are printed in one line";

describe("jsonLogger", () => {
  testLogger({
    setup: json({}),
    supports: { fieldOrder: true, errorStack: noStack, errorCause: true, sinkFailure: true },
  });
});

describe("jsonLogger with errors as objects", () => {
  testLogger({
    setup: json({ errors: "object" }),
    supports: { fieldOrder: true, errorStack: true, errorCause: true, sinkFailure: true },
  });
});

describe("logfmtLogger", () => {
  testLogger({
    setup: setup((writer, onError) => logfmtLogger(writer, onError && { onError }), parseLogfmt),
    supports: { fieldOrder: true, errorStack: noStack, errorCause: true, sinkFailure: true },
  });
});

describe("logged", () => {
  testMiddleware({
    setup: async () => ({ subject: logged(jsonLogger({ write() {} })) }),
    supports: {
      keepsErrors: true,
      refusesEnded: "it logs what the endpoint makes of such a call",
      abandonsEnded: "the record tells how the call ended",
    },
  });
});
