import type { ServerResponse } from "node:http";

/**
 * Ends a response with this body, in one write to the socket. `end(body)` alone makes a second, empty one, and two at once take a way through Node that
 * costs a tenth of all that a short request does.
 */
export function endInOneWrite(response: ServerResponse, body: string | Uint8Array, encoding: BufferEncoding): void {
  const { socket } = response;
  // One that waits for its turn behind another has no socket yet.
  if (socket === null) {
    response.end(body, encoding);
    return;
  }
  socket.cork();
  response.write(body, encoding);
  socket.uncork();
  response.end();
}
