export { type PinoInstance, pinoLogger, type PinoLoggerOptions } from "./pino-logger.ts";
