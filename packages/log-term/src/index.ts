export { type Color, colorBy, type Style } from "./style.ts";
export { termLogger, type TermLoggerOptions, type TermStream } from "./term-logger.ts";
