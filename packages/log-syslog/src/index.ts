export { type SyslogLogger, syslogLogger, type SyslogLoggerOptions } from "./syslog-logger.ts";
export type { UnixDgramSocket } from "@kit/line-sender";
export type { Facility, Severity } from "./priority.ts";
