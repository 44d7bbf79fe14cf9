import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";

const reply = (status: string, type: string, body: string, length = body.length): string =>
  [`HTTP/1.1 ${status}`, `content-type: ${type}`, `content-length: ${length}`, "", body].join("\r\n");

/** What a server may do with a request but answer it. */
export const misdeeds = {
  garbage: (socket: Socket) => socket.end(randomBytes(512)),
  reset: (socket: Socket) => socket.resetAndDestroy(),
  "half a reply": (socket: Socket) => socket.end(reply("200 OK", "application/json", '{"v":', 9)),
  "a page of errors": (socket: Socket) => socket.write(reply("502 Bad Gateway", "text/html", "<h1>Bad Gateway</h1>")),
  silence: () => {},
  "no JSON": (socket: Socket) => socket.write(reply("200 OK", "application/json", "three")),
  "no number": (socket: Socket) => socket.write(reply("200 OK", "application/json", '{"v":"three"}')),
} as const satisfies Record<string, (socket: Socket) => unknown>;

export type Misdeed = keyof typeof misdeeds;
export const allMisdeeds = Object.keys(misdeeds) as readonly Misdeed[];

/** Whether it looks like an answer: for all that a client knows, the others would answer no better. */
export function isNonsense(misdeed: Misdeed): boolean {
  return misdeed === "no JSON" || misdeed === "no number";
}
