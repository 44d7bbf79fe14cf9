import type { Server } from "node:http";
import type { Socket } from "node:net";

export interface DrainHttpOptions {
  /** How long calls in flight may go on, in ms; then their connections are cut. @default 10_000 — under the 30 s that Kubernetes waits before it kills */
  readonly timeoutMs?: number;
}

/** How often connections that have become idle are looked for while draining, in ms. */
const sweepMs = 25;

/**
 * Stops a server of Node's as a service should be stopped: accepts nothing new, lets calls in flight finish, closes each connection when it has
 * nothing left to do, and cuts what remains when the time is up. Idempotent.
 *
 * @returns whether every call in flight could finish.
 */
export function drainHttp(server: Server, options: DrainHttpOptions = {}): Promise<boolean> {
  const { timeoutMs = 10_000 } = options;
  return new Promise((resolve) => {
    let finished = true;
    // close() lets keep-alive connections live until they time out, so each is closed as soon as it is idle.
    const sweep = setInterval(() => {
      server.closeIdleConnections();
      closeSilentConnections(server);
    }, sweepMs);
    const cut = setTimeout(() => {
      finished = false;
      server.closeAllConnections();
    }, timeoutMs);
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(cut);
      resolve(finished);
    });
    server.closeIdleConnections();
  });
}

/** Those on which nothing has come yet. Node counts them as busy, and lists its connections nowhere but in a place of its own. */
function closeSilentConnections(server: Server): void {
  const place = Object.getOwnPropertySymbols(server).find((key) => key.description === "http.server.connections");
  const list = place && (server as unknown as Record<symbol, ConnectionsList | undefined>)[place];
  for (const { socket } of list?.all() ?? []) if (socket?.bytesRead === 0) socket.destroy();
}

interface ConnectionsList {
  all(): readonly { readonly socket: Socket | null }[];
}
