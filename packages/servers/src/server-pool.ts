import type { ServerKind } from "./server-kind.ts";
import { type Server, startServer } from "./start-server.ts";

/** Servers that are lent to one test at a time: as many as are needed at once. */
export interface ServerPool extends AsyncDisposable {
  /** One that nobody else has. */
  lend(): Promise<Server>;
  /** Takes it back for the next one, or ends it when it does not serve. */
  takeBack(server: Server): Promise<void>;
}

export function serverPool(kind: ServerKind): ServerPool {
  const all = new Set<Server>();
  const idle: Server[] = [];

  async function startAnother(): Promise<Server> {
    const server = await startServer(kind);
    all.add(server);
    return server;
  }

  return {
    lend: async () => idle.pop() ?? startAnother(),
    async takeBack(server) {
      const serves = await kind.probe(server.url, server.place).catch(() => false);
      if (serves) {
        idle.push(server);
      } else {
        all.delete(server);
        await server[Symbol.asyncDispose]();
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(Array.from(all, (server) => server[Symbol.asyncDispose]()));
    },
  };
}
