/** One contender's client. */
export interface ClientModule {
  /** Makes one connection, and calls over it. */
  makeClient(address: string): () => Promise<{ readonly v: number }>;
}

/** The clients, each loaded in a process of its own. */
export const clients = {
  grpcClient: () => import("./clients/grpc-client.ts"),
  "connectGrpc, descriptor": () => import("./clients/connect-grpc.ts"),
  "grpc-js by hand": () => import("./clients/grpc-js.ts"),
  "connect-node": () => import("./clients/connect-node.ts"),
  NestJS: () => import("./clients/nest.ts"),
} as const satisfies Record<string, () => Promise<ClientModule>>;

export type ClientName = keyof typeof clients;
