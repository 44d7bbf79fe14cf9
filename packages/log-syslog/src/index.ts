export { type SyslogLogger, syslogLogger, type SyslogLoggerOptions } from "./syslog-logger.ts";
export type { UnixDgramSocket } from "./link.ts";
export type { Facility, Severity } from "./priority.ts";
