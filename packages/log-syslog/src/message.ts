import { type Fields, plain, read, timestamp } from "@kit/log";
import { isKnownLevel, severityNumber } from "./priority.ts";

/** Who speaks: what stands in the head of every message. */
export interface Origin {
  readonly facility: number;
  readonly hostname: string | undefined;
  readonly appName: string;
  readonly procId: string;
  readonly now: () => number;
}

/** Makes the message of a record of this severity. What it throws is the record's end. */
export type ToMessage = (severity: number, fields: Fields) => string;

/** A record's fields as one text; `undefined` leaves the record out. */
export type ToText = (fields: Fields) => string | undefined;

/**
 * RFC 5424 with the fields as the parameters of one element, and the field `msg` as the message. A message that would be longer than
 * `maxBytes` has its longest texts cut until it fits, so that what remains is whole in itself.
 *
 * @param msgId the MSGID of a record
 * @see https://www.rfc-editor.org/rfc/rfc5424#section-6
 */
export function structured(
  origin: Origin,
  sdId: string,
  msgId: (fields: Fields) => string,
  maxBytes: number,
): ToMessage {
  const head = rfc5424Head(origin);
  return (severity, fields) => {
    const start = head(severity, msgId(fields));
    let limit = maxBytes;
    let most = Number.POSITIVE_INFINITY;
    for (;;) {
      const { text, count } = contents(severity, fields, sdId, limit, most);
      const message = start + text;
      // A UTF-16 unit is at most three bytes.
      if (message.length * 3 <= maxBytes || Buffer.byteLength(message) <= maxBytes || most === 0) return message;
      if (limit > shortest) limit >>= 1;
      else most = Math.min(most, count) >> 1;
    }
  };
}

/** Where texts are not cut any more and the last fields are left out instead. */
const shortest = 32;

/** The structured data of the first `most` fields, and the message. */
function contents(
  severity: number,
  fields: Fields,
  sdId: string,
  limit: number,
  most: number,
): { readonly text: string; readonly count: number } {
  let params = "";
  let count = 0;
  for (const key in fields) {
    if (key === "msg") continue;
    const value = read(fields, key);
    if (value === undefined) continue;
    if (key === "level" && isKnownLevel(value) && severityNumber(value) === severity) continue;
    if (count++ < most) params += ` ${paramName(key)}="${escaped(textOf(value, limit), special)}"`;
  }
  const data = params === "" ? "-" : `[${sdId}${params}]`;
  const msg = read(fields, "msg");
  return { text: msg === undefined ? data : `${data} ${visible(textOf(msg, limit))}`, count };
}

/** RFC 5424 with the record as one text, and no structured data. */
export function plain5424(
  origin: Origin,
  text: ToText,
  msgId: (fields: Fields) => string,
  maxBytes: number,
): (severity: number, fields: Fields) => string | undefined {
  const head = rfc5424Head(origin);
  return (severity, fields) => {
    const body = text(fields);
    return body === undefined ? undefined : cut(`${head(severity, msgId(fields))}- ${visible(body)}`, maxBytes);
  };
}

/**
 * RFC 3164 with the record as one text. Its time has neither a year nor a zone: it is this machine's own.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3164#section-4.1
 */
export function rfc3164(
  { facility, hostname, appName, procId, now }: Origin,
  text: ToText,
  maxBytes: number,
): (severity: number, fields: Fields) => string | undefined {
  const time = localTime(now);
  const name = `${hostname === undefined ? "" : `${hostname} `}${appName}[${procId}]: `;
  return (severity, fields) => {
    const body = text(fields);
    return body === undefined
      ? undefined
      : cut(`<${facility * 8 + severity}>${time()} ${name}${visible(body)}`, maxBytes);
  };
}

function rfc5424Head({ facility, hostname = "-", appName, procId, now }: Origin) {
  const time = timestamp(now);
  return (severity: number, msgId: string): string =>
    `<${facility * 8 + severity}>1 ${String(time())} ${hostname} ${appName} ${procId} ${msgId} `;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Nov  5 09:00:00` */
function localTime(now: () => number): () => string {
  let last: number | undefined;
  let text = "";
  return () => {
    const second = Math.floor(now() / 1000);
    if (second !== last) {
      const date = new Date(second * 1000);
      const day = String(date.getDate()).padStart(2);
      text = `${months[date.getMonth()]} ${day} ${date.toTimeString().slice(0, 8)}`;
      last = second;
    }
    return text;
  };
}

/** A value as a text: a text as it is, an object or a list as JSON. */
export function textOf(value: unknown, limit: number): string {
  if (typeof value === "number") return `${value}`;
  const told = plain(value, limit);
  return typeof told === "string" ? told : JSON.stringify(told);
}

// oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for
const controls = /[\0-\x1f\x7f-\x9f]/g;
/** What RFC 5424 has escaped in a value, and control characters. */
// oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for
const special = /["\\\]\0-\x1f\x7f-\x9f]/g;

/** Without control characters, which could forge a line, or move the cursor of who reads it: the RFC says to avoid them. */
function visible(text: string): string {
  return escaped(text, controls);
}

function escaped(text: string, what: RegExp): string {
  return text.search(what) === -1 ? text : text.replace(what, escape);
}

function escape(character: string): string {
  switch (character) {
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
    case '"':
    case "\\":
    case "]":
      return `\\${character}`;
    default:
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  }
}

/** What may not stand in the name of a parameter, and the sign that stands for it. */
const misfit = /[^!#-$&-<>-\\^-~]/u;
const longestName = 32;

/** A field's name as that of a parameter: printable ASCII, the rest percent-encoded, 32 characters at most. */
function paramName(name: string): string {
  if (name.length <= longestName && !misfit.test(name)) return name || "_";
  let fitting = "";
  for (const character of name) {
    const part = misfit.test(character) ? percentEncoded(character) : character;
    if (fitting.length + part.length > longestName) break;
    fitting += part;
  }
  return fitting;
}

function percentEncoded(character: string): string {
  return Buffer.from(character).toString("hex").toUpperCase().replace(/../g, "%$&");
}

/** The text, or as much of it as fits. */
function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - 3;
  // Not within a character.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.toString("utf8", 0, end)}…`;
}
