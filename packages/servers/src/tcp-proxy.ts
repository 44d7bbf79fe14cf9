import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A network that can be cut, between a client and a server. */
export interface TcpProxy extends AsyncDisposable {
  /** On the loopback address. */
  readonly port: number;
  /** How many connections it carries. */
  readonly connections: number;
  /** From now on nothing gets through, either way, and nobody is told: new connections are accepted and stay silent as well. */
  cut(): void;
  /** Lets new connections through again. Those from before or during the cut are reset, as a peer that has given up on them would. */
  heal(): void;
  /** Resets all connections. */
  reset(): void;
}

/** Listens on a free port and carries every connection to `port` on the loopback address. */
export async function tcpProxy(port: number): Promise<TcpProxy> {
  /** Both ends of each connection; a client that came during a cut has no other end. */
  const ends = new Map<Socket, Socket | undefined>();
  let isCut = false;

  const server = createServer((client) => {
    client.on("error", () => {});
    client.on("close", () => {
      ends.get(client)?.destroy();
      ends.delete(client);
    });
    const upstream = isCut ? undefined : connect(port, "127.0.0.1");
    ends.set(client, upstream);
    if (upstream === undefined) return;
    client.pipe(upstream).pipe(client);
    upstream.on("error", () => client.resetAndDestroy());
    upstream.on("close", () => client.destroySoon());
  });

  const reset = (): void => {
    for (const client of ends.keys()) client.resetAndDestroy();
  };

  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return ends.size;
    },
    cut() {
      isCut = true;
      for (const [client, upstream] of ends) {
        // Without their pipes, what either end sends fills the buffers and stops there.
        for (const socket of [client, upstream]) socket?.unpipe().pause();
      }
    },
    heal() {
      isCut = false;
      reset();
    },
    reset,
    async [Symbol.asyncDispose]() {
      reset();
      server.close();
      await once(server, "close");
    },
  };
}
