import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { type Context, refusal } from "@kit/endpoint";

export interface Bounds {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly tls: ConnectionOptions;
}

/** The part of an agent that its types leave out. */
interface Connecting {
  createConnection(options: object, done: (error: Error) => void): Socket | undefined;
}

/**
 * An agent whose connections each serve one request, and break when that takes longer than `timeoutMs`, when more than `maxBytes` come or when the context
 * ends: the driver's own time limit counts only silence, it reads whatever comes, and what it has begun cannot be called off.
 */
export function boundedAgent(secure: boolean, { timeoutMs, maxBytes, tls }: Bounds, ctx: Context): HttpAgent {
  const agent = secure ? new HttpsAgent({ ...tls, keepAlive: false }) : new HttpAgent({ keepAlive: false });
  const connecting = agent as unknown as Connecting;
  const connect = connecting.createConnection.bind(agent);
  connecting.createConnection = (options, done) => {
    if (ctx.cancelled !== undefined) {
      done(ctx.cancelled);
      return undefined;
    }
    const socket = connect(options, done)!;
    const late = setTimeout(() => {
      socket.destroy(refusal("deadline_exceeded", `Eureka did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    const leave = ctx.onCancel((cause) => void socket.destroy(cause));
    socket.on("data", () => {
      if (socket.bytesRead <= maxBytes) return;
      socket.destroy(refusal("resource_exhausted", `Eureka answered more than ${maxBytes} bytes`));
    });
    socket.once("close", () => {
      clearTimeout(late);
      leave();
    });
    return socket;
  };
  return agent;
}
