import type { Server } from "node:net";
import { type CloseThriftOptions, isThriftHandler } from "./handler.ts";

/**
 * Stops a server of `node:net` or `node:tls` as a service should be stopped: accepts no connection, and closes the handlers that listen on it, see
 * {@link ThriftHandler.close}. Idempotent.
 *
 * @returns whether every call in hand could finish.
 */
export async function drainThrift(server: Server, options: CloseThriftOptions = {}): Promise<boolean> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  const listeners = [...server.listeners("connection"), ...server.listeners("secureConnection")];
  const finished = await Promise.all(listeners.filter(isThriftHandler).map((handler) => handler.close(options)));
  await closed;
  return finished.every(Boolean);
}
