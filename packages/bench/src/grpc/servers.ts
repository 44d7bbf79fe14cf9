/** One contender's server. */
export interface ServerModule {
  /** Resolves to its port on the loopback when it serves. */
  listen(): Promise<number>;
}

/** The servers, each loaded in a process of its own. */
export const servers = {
  grpcHandler: () => import("./servers/grpc-handler.ts"),
  "serveGrpc, descriptor and zod": () => import("./servers/serve-grpc.ts"),
  "grpc-js by hand": () => import("./servers/grpc-js.ts"),
  "connect-node": () => import("./servers/connect-node.ts"),
  NestJS: () => import("./servers/nest.ts"),
} as const satisfies Record<string, () => Promise<ServerModule>>;

export type ServerName = keyof typeof servers;
