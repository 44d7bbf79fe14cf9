import { connect, type NatsConnection } from "@nats-io/transport-node";
import { quit } from "../flags.ts";

/** Connects to NATS, or says what is missing; once connected it comes back by itself, however long NATS is away. */
export async function connectToNats(url: string): Promise<NatsConnection> {
  try {
    return await connect({ servers: url, maxReconnectAttempts: -1 });
  } catch (error) {
    return quit(
      `no NATS at ${url} (${(error as Error).message}): start nats-server, or say where it is with --nats-url`,
    );
  }
}
