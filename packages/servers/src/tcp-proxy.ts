import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Transform } from "node:stream";

/** A network that can be cut, between a client and a server. */
export interface TcpProxy extends AsyncDisposable {
  /** On the loopback address. */
  readonly port: number;
  /** How many connections it carries. */
  readonly connections: number;
  /** From now on nothing gets through, either way, and nobody is told: new connections are accepted and stay silent as well. */
  cut(): void;
  /** From now on whatever the server sends arrives as nonsense of the same length. */
  garble(): void;
  /** Ends both. All connections are reset, as a peer that has given up on them would. */
  heal(): void;
  /** Resets all connections. */
  reset(): void;
}

/** Listens on a free port and carries every connection to `port` on the loopback address. */
export async function tcpProxy(port: number): Promise<TcpProxy> {
  /** What each client's connection goes through; one that came during a cut has nothing behind it. */
  const links = new Map<Socket, readonly (Socket | Transform)[]>();
  let isCut = false;
  let isGarbled = false;

  const server = createServer((client) => {
    client.on("error", () => {});
    client.on("close", () => {
      for (const link of links.get(client)!) link.destroy();
      links.delete(client);
    });
    links.set(client, []);
    if (isCut) return;
    const upstream = connect(port, "127.0.0.1");
    const answers = new Transform({
      transform: (bytes: Buffer, _, done) => done(null, isGarbled ? bytes.fill("nonsense ") : bytes),
    });
    links.set(client, [upstream, answers]);
    client.pipe(upstream).pipe(answers).pipe(client);
    upstream.on("error", () => resetOne(client));
    upstream.on("close", () => client.destroySoon());
  });

  const reset = (): void => {
    for (const client of links.keys()) resetOne(client);
  };

  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return links.size;
    },
    cut() {
      isCut = true;
      // Without their pipes, what either end sends fills the buffers and stops there.
      for (const [client, behind] of links) for (const link of [client, ...behind]) link.unpipe().pause();
    },
    garble() {
      isGarbled = true;
    },
    heal() {
      isCut = isGarbled = false;
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

/** One that is ending cannot be reset; Node would leave it open for ever. */
function resetOne(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
