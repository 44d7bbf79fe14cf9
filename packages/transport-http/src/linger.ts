import type { IncomingMessage, ServerResponse } from "node:http";
import { finished } from "node:stream";

/** How long, in ms: a few times around the world. */
const lingerMs = 1_000;

/**
 * Ends a response that is out before its request has come: once that has, or soon, and what still comes is thrown away. To close the connection at once
 * would reset it, and a reset overtakes the reply on its way to a caller that is still sending.
 */
export function linger(message: IncomingMessage, response: ServerResponse): void {
  const timer = setTimeout(() => response.end(), lingerMs);
  finished(message.resume(), () => {
    clearTimeout(timer);
    response.end();
  });
}
