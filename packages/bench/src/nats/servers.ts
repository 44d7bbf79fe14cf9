/** One contender's server. */
export interface ServerModule {
  /**
   * Resolves when it serves.
   *
   * @param servers - the URL of the NATS server.
   * @param prefix - what comes before `.sum` in the subject.
   */
  serve(servers: string, prefix: string): Promise<void>;
}

/** The servers, each loaded in a process of its own. */
export const servers = {
  natsHandler: () => import("./servers/nats-handler.ts"),
  "serveNats, contract and zod": () => import("./servers/serve-nats.ts"),
  "a subscription by hand": () => import("./servers/own-subscription.ts"),
  "a subscription and zod by hand": () => import("./servers/own-validated.ts"),
  Moleculer: () => import("./servers/moleculer.ts"),
  NestJS: () => import("./servers/nest.ts"),
} as const satisfies Record<string, () => Promise<ServerModule>>;

export type ServerName = keyof typeof servers;
