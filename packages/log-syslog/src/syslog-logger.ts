import { hostname as machineName } from "node:os";
import type { ConnectionOptions } from "node:tls";
import { KitError, refusal } from "@kit/endpoint";
import {
  type Frame,
  lineSender,
  type Link,
  linkTo,
  newline,
  octetCounting,
  unframed,
  type UnixDgramSocket,
} from "@kit/line-sender";
import {
  type Fields,
  type LineLoggerOptions,
  logfmtLogger,
  type Logger,
  type OnError,
  read,
  report,
  type Writer,
} from "@kit/log";
import { type Origin, plain5424, rfc3164, structured, textOf, type ToText } from "./message.ts";
import { type Facility, facilityNumber, type Severity, severityNumber } from "./priority.ts";

export interface SyslogLoggerOptions {
  /** The name of the program, by which daemons sort: 1 to 48 printable ASCII characters. With RFC 3164 at most 32, without `[`, `]` and `:`. */
  readonly appName: string;
  /**
   * The way to the daemon. `"unix"` is a stream socket, `"unix-dgram"` what `/dev/log` is, for which Node has no means: see
   * `unixDgram`. @default "udp", which every daemon takes
   */
  readonly protocol?: "udp" | "tcp" | "tls" | "unix" | "unix-dgram";
  /** A name is looked up for each connection. @default "127.0.0.1" */
  readonly host?: string;
  /** @default 514; 6514 for TLS */
  readonly port?: number;
  /** The unix socket. @default "/dev/log" */
  readonly path?: string;
  /** Of the TLS connection: `ca`, `cert`, `key`, `servername` and the rest that `tls.connect` takes. @default none: Node's own CAs, and no certificate */
  readonly tls?: ConnectionOptions;
  /** Makes the socket for `"unix-dgram"`: `() => new DgramSocket()` of node-unix-socket. What it makes is closed here. */
  readonly unixDgram?: () => UnixDgramSocket;
  /**
   * How a stream tells messages apart. @default "octet-counting", which RFC 5425 demands for TLS and RFC 6587 prefers for TCP; "newline" for a unix
   * socket, where syslog-ng knows nothing else
   */
  readonly framing?: "octet-counting" | "newline";
  /** The form of a message. @default 5424; journald and old devices know 3164 only */
  readonly rfc?: 5424 | 3164;
  /**
   * How the whole record becomes the message's text: `logfmtLogger`, `jsonLogger`, or a function of that form. @default none with RFC 5424: the text is
   * the field `msg`, the other fields are structured data; `logfmtLogger` with RFC 3164, which has no place for data.
   */
  readonly format?: (writer: Writer, options: LineLoggerOptions) => Logger;
  /** @default "user", as syslog(3) has it */
  readonly facility?: Facility;
  /**
   * How grave a record is, by its fields, the bound ones among them. `undefined` is `info`.
   * @default what `level` says: debug, info, warning, err, or one of syslog's own names
   */
  readonly severity?: (fields: Fields) => Severity | undefined;
  /** The MSGID of a record, such as `({ event }) => event`, for daemons to sort by. RFC 5424 only. @default none */
  readonly msgId?: (fields: Fields) => string | undefined;
  /** @default this machine's; with RFC 3164 to a unix socket none, as syslog(3) has it */
  readonly hostname?: string;
  /** Tells this process from others of its name. @default its process id */
  readonly procId?: string;
  /**
   * The SD-ID under which the fields stand: a name, `@`, and the enterprise number that IANA gave to you.
   * @default "fields@32473", where 32473 is the number for examples
   */
  readonly sdId?: string;
  /**
   * The longest message, in bytes; one that would be longer is cut.
   * @default 8096, what rsyslog takes without being told
   */
  readonly maxMessageBytes?: number;
  /** How many bytes of messages may wait for a daemon that is away or slow; what comes then is dropped. @default 4_194_304: some 20 000 lines */
  readonly maxQueueBytes?: number;
  /** How long `close` may take to get rid of what waits, in ms. @default 1000 */
  readonly closeTimeoutMs?: number;
  /**
   * Gets `unavailable` once each time that sending begins to fail, and at `close` if messages are left; `resource_exhausted` once each time that
   * dropping begins; and what `severity`, `msgId` or `format` throw. @default none: it is lost
   */
  readonly onError?: OnError;
  /** The clock, in ms since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/** What {@link syslogLogger} makes. */
export interface SyslogLogger extends Logger, AsyncDisposable {
  /** How many records did not reach the daemon so far, as far as known: for a metric. */
  readonly dropped: number;
  /** Sends what waits, for `closeTimeoutMs` at most, and ends the connection. May be called again; what is logged then is dropped. */
  close(): Promise<void>;
}

/**
 * Logs to a syslog daemon.
 *
 * `log` puts the message together and queues it; it never waits for the daemon, and neither does the process: `close` before it ends.
 *
 * @throws {TypeError} for a wrong option.
 * @see go-kit log/syslog/syslog.go, NewSyslogLogger
 */
export function syslogLogger(options: SyslogLoggerOptions): SyslogLogger {
  const { severity, maxQueueBytes = 4_194_304, closeTimeoutMs = 1000, onError } = options;
  const toMessage = messageMaker(options);
  const link = linkOf(options);
  let dropped = 0;
  const sender = lineSender("syslogLogger", {
    link,
    frame: frameOf(options, link),
    // A datagram is one message.
    ...(link.datagrams && { packetBytes: 0 }),
    maxQueueBytes,
    closeTimeoutMs,
    onError: (cause) => report(onError, new KitError("unavailable", `syslog: cannot send to ${link.name}`, { cause })),
    onFull: (waiting) =>
      report(
        onError,
        refusal("resource_exhausted", `syslog: ${waiting} messages wait for ${link.name}, more are dropped`),
      ),
    onLost: (messages) => void (dropped += messages),
    onLeft: (messages) =>
      report(onError, new KitError("unavailable", `syslog: closed with ${messages} messages unsent to ${link.name}`)),
  });

  const severityOf = (fields: Fields): number => {
    if (severity === undefined) return severityNumber(read(fields, "level"));
    try {
      return severityNumber(severity(fields));
    } catch (error) {
      report(onError, error);
      return severityNumber(undefined);
    }
  };

  return {
    log(fields) {
      try {
        const message = toMessage(severityOf(fields), fields);
        if (message === undefined) return;
        if (sender.send(message)) sender.flush();
        else dropped++;
      } catch (error) {
        report(onError, error);
      }
    },
    get dropped() {
      return dropped;
    },
    close: () => sender.close(),
    [Symbol.asyncDispose]: () => sender.close(),
  };
}

function wrong(option: string, rule: string, got: unknown): TypeError {
  return new TypeError(`syslogLogger: ${option} must be ${rule}, got ${String(got)}`);
}

function messageMaker(options: SyslogLoggerOptions): (severity: number, fields: Fields) => string | undefined {
  const { appName, protocol = "udp", rfc = 5424, facility = "user", procId = `${process.pid}` } = options;
  const { sdId = "fields@32473", maxMessageBytes = 8096, now = Date.now, onError } = options;
  const { format = rfc === 3164 ? logfmtLogger : undefined, severity, msgId } = options;
  if (rfc !== 5424 && rfc !== 3164) throw wrong("rfc", "5424 or 3164", rfc);
  if (rfc === 5424 ? !isPrintable(appName, 48) : !isPrintable(appName, 32) || /[[\]:]/.test(appName)) {
    throw wrong(
      "appName",
      `printable ASCII, ${rfc === 5424 ? "1 to 48" : "1 to 32 characters without [, ] and :"}`,
      appName,
    );
  }
  if (!isPrintable(procId, 128)) throw wrong("procId", "1 to 128 printable ASCII characters", procId);
  if (!isPrintable(sdId, 32) || /[=\]"]/.test(sdId)) {
    throw wrong("sdId", '1 to 32 printable ASCII characters without =, ] and "', sdId);
  }
  if (!isInteger(maxMessageBytes, 1024, 65_507)) {
    throw wrong("maxMessageBytes", "an integer from 1024 to 65507", maxMessageBytes);
  }
  for (const [name, value] of Object.entries({ format, severity, msgId, now })) {
    if (value !== undefined && typeof value !== "function") throw wrong(name, "a function", typeof value);
  }
  const onItsOwn = rfc === 3164 && (protocol === "unix" || protocol === "unix-dgram");
  const { hostname = onItsOwn ? undefined : ownName() } = options;
  if (hostname !== undefined && !isPrintable(hostname, 255)) {
    throw wrong("hostname", "1 to 255 printable ASCII characters", hostname);
  }
  const origin: Origin = { facility: facilityNumber(facility), hostname, appName, procId, now };
  const idOf = msgId === undefined ? () => "-" : (fields: Fields) => printable(msgId(fields));
  if (format === undefined) return structured(origin, sdId, idOf, maxMessageBytes);
  const text = textMaker(format, maxMessageBytes, onError);
  return rfc === 5424 ? plain5424(origin, text, idOf, maxMessageBytes) : rfc3164(origin, text, maxMessageBytes);
}

/** What a logger of lines writes of a record. */
function textMaker(
  format: NonNullable<SyslogLoggerOptions["format"]>,
  maxMessageBytes: number,
  onError: OnError | undefined,
): ToText {
  let parts: string[] = [];
  // So that a text which alone is too long is cut where the format says so, and not the line.
  const line = { maxValueLength: maxMessageBytes >> 2, ...(onError && { onError }) };
  const lines = format({ write: (part) => parts.push(part) }, line);
  return (fields) => {
    parts = [];
    lines.log(fields);
    return parts.length === 0 ? undefined : parts.join("").trimEnd();
  };
}

function linkOf(options: SyslogLoggerOptions): Link {
  const { protocol = "udp", port = protocol === "tls" ? 6514 : 514, path = "/dev/log" } = options;
  return linkTo("syslogLogger", { ...options, protocol, port, path });
}

function frameOf(options: SyslogLoggerOptions, { datagrams }: Link): Frame {
  const { framing = options.protocol === "unix" ? "newline" : "octet-counting" } = options;
  if (framing !== "octet-counting" && framing !== "newline") {
    throw wrong("framing", '"octet-counting" or "newline"', framing);
  }
  if (datagrams) return unframed;
  return framing === "newline" ? newline : octetCounting;
}

function ownName(): string {
  const name = machineName();
  return isPrintable(name, 255) ? name : "-";
}

/** A MSGID out of any value; `-` is none. */
function printable(id: unknown): string {
  const text = id === undefined ? "" : textOf(id, 32);
  return isPrintable(text, 32) ? text : text.slice(0, 32).replace(/[^!-~]/g, "_") || "-";
}

function isPrintable(text: unknown, longest: number): boolean {
  return typeof text === "string" && text.length <= longest && /^[!-~]+$/.test(text);
}

function isInteger(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
