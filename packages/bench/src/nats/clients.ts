import type { SumRequest, SumResponse } from "../http/sum.ts";

/** One contender's client. */
export interface ClientModule {
  /**
   * Resolves when it can call.
   *
   * @param servers - the URL of the NATS server.
   * @param prefix - what comes before `.sum` in the subject.
   */
  makeClient(servers: string, prefix: string): Promise<(request: SumRequest) => Promise<SumResponse>>;
}

/** The clients, each loaded in a process of its own. */
export const clients = {
  natsClient: () => import("./clients/nats-client.ts"),
  "connectNats, contract and zod": () => import("./clients/connect-nats.ts"),
  "the driver's request()": () => import("./clients/driver-request.ts"),
  "an inbox by hand": () => import("./clients/own-inbox.ts"),
  Moleculer: () => import("./clients/moleculer.ts"),
  NestJS: () => import("./clients/nest.ts"),
} as const satisfies Record<string, () => Promise<ClientModule>>;

export type ClientName = keyof typeof clients;
