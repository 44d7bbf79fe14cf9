export { type WinstonLogger, winstonLogger, type WinstonLoggerOptions } from "./winston-logger.ts";
