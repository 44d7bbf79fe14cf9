import type { Server } from "@grpc/grpc-js";

export interface DrainGrpcOptions {
  /** How long calls in flight may go on, in ms; then their connections are cut. @default 10_000 — under the 30 s that Kubernetes waits before it kills */
  readonly timeoutMs?: number;
}

/**
 * Stops a server of grpc-js as a server should be stopped: accepts nothing new and says so to its clients, lets calls in flight finish, and cuts what
 * remains when the time is up. A server that is stopped stays so.
 *
 * @returns whether every call in flight could finish.
 */
export function drainGrpc(server: Server, options: DrainGrpcOptions = {}): Promise<boolean> {
  const { timeoutMs = 10_000 } = options;
  return new Promise((resolve) => {
    let finished = true;
    const cut = setTimeout(() => {
      finished = false;
      server.forceShutdown();
    }, timeoutMs);
    server.tryShutdown(() => {
      clearTimeout(cut);
      resolve(finished);
    });
  });
}
