import type { Fields } from "@kit/log";
import { expect } from "vitest";

/** What a reader finds in a message of RFC 5424 of ours, by the RFC's own grammar. */
export interface Decoded {
  readonly facility: number;
  readonly severity: number;
  readonly time: string;
  readonly hostname: string;
  readonly appName: string;
  readonly procId: string;
  readonly msgId: string;
  readonly sdId: string | undefined;
  readonly params: Fields;
  readonly msg: string | undefined;
}

const grammar =
  /^<(?<pri>\d{1,3})>1 (?<time>\S+) (?<hostname>[!-~]{1,255}) (?<appName>[!-~]{1,48}) (?<procId>[!-~]{1,128}) (?<msgId>[!-~]{1,32}) (?:-|\[(?<sdId>[^= \]"]{1,32})(?<params>(?: [!#-<>-\\^-~]{1,32}="(?:\\["\\\]]|\\(?!["\\\]])|[^"\\\]])*")+)\])(?: (?<msg>.*))?$/su;

/** @throws when it is no such message. */
export function decode(message: string): Decoded {
  const found = grammar.exec(message)?.groups;
  if (found === undefined) throw new Error(`no message of RFC 5424: ${message}`);
  const { pri, time, hostname, appName, procId, msgId, sdId, params = "", msg } = found;
  const entries = Array.from(params.matchAll(/ ([^=]+)="((?:\\.|[^"\\])*)"/gsu), ([, name, value]) => [
    decodeURIComponent(name!),
    revealed(value!, /\\(?:u([0-9a-f]{4})|(.))/gs),
  ]);
  return {
    facility: Number(pri) >> 3,
    severity: Number(pri) & 7,
    time: time!,
    hostname: hostname!,
    appName: appName!,
    procId: procId!,
    msgId: msgId!,
    sdId,
    params: Object.fromEntries(entries) as Fields,
    msg: msg === undefined ? undefined : revealed(msg, /\\(?:u(00[0-9a-f]{2})|([nrt]))/g),
  };
}

function revealed(text: string, escapes: RegExp): string {
  return text.replace(escapes, (_, code: string | undefined, letter: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return letter === "n" ? "\n" : letter === "r" ? "\r" : letter === "t" ? "\t" : letter;
  });
}

/** The numbers in messages of RFC 5424, which must stand in their order and none twice. */
export function numbersIn(messages: readonly string[]): readonly number[] {
  const numbers = messages.map((message) => Number(decode(message).params["n"]));
  expect(numbers).toEqual(Array.from(new Set(numbers)).toSorted((one, other) => one - other));
  return numbers;
}
