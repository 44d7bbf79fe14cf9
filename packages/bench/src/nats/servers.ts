import type { NatsConnection } from "@nats-io/transport-node";

/** One contender's server. */
export interface ServerModule {
  /** @param prefix - what comes before `.sum` in the subject. */
  serve(connection: NatsConnection, prefix: string): void;
}

/** The servers, each loaded in a process of its own. */
export const servers = {
  natsHandler: () => import("./servers/nats-handler.ts"),
  "serveNats, contract and zod": () => import("./servers/serve-nats.ts"),
  "a subscription by hand": () => import("./servers/own-subscription.ts"),
  "a subscription and zod by hand": () => import("./servers/own-validated.ts"),
} as const satisfies Record<string, () => Promise<ServerModule>>;

export type ServerName = keyof typeof servers;
