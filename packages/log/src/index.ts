// For services.
export {
  type Fields,
  keyvals,
  type Logger,
  loggerFunc,
  nopLogger,
  type OnError,
  type SwapLogger,
  swapLogger,
} from "./logger.ts";
export { bind, bindPrefix, bindSuffix, type Valuer } from "./bind.ts";
export { caller, fromCallInfo, fromContext, timestamp, timestampFormat } from "./valuers.ts";
export { type Level, parseLevel } from "./level.ts";
export { debug, error, info, type Levels, levels, type LogMessage, warn } from "./levels.ts";
export { levelFilter, type LevelFilterOptions, levelInjector } from "./level-filter.ts";
export { jsonLogger, type JsonLoggerOptions } from "./json.ts";
export { logfmtLogger } from "./logfmt.ts";
export type { LineLoggerOptions, Writer } from "./line-logger.ts";
export { redact, secretNames } from "./redact.ts";
export { lineWriter, type LineWriterOptions } from "./line-writer.ts";
export { logged, type LoggedOptions } from "./logged.ts";

// For adapters.
export { merge } from "./bind.ts";
export { errorFields, isError } from "./errors.ts";
export { plain } from "./plain.ts";
export { read, report } from "./logger.ts";
