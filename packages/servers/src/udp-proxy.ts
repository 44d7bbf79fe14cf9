import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** A network for datagrams that can be cut, between clients and a server. */
export interface UdpProxy extends AsyncDisposable {
  /** On the loopback address. */
  readonly port: number;
  /** How many datagrams it has not carried. */
  readonly dropped: number;
  /** From now on nothing gets through, either way, and nobody is told. */
  cut(): void;
  /** From now on whatever the server sends arrives as nonsense of the same length. */
  garble(): void;
  /** Ends both. */
  heal(): void;
}

/**
 * Carries each datagram that comes to `own` on to `port`, and its answer back; both are on the loopback address.
 *
 * @param own - 0 is any port that is free.
 */
export async function udpProxy(port: number, own = 0): Promise<UdpProxy> {
  const front = createSocket("udp4");
  /** One for each datagram that is not answered yet. */
  const behind = new Set<Socket>();
  let isCut = false;
  let isGarbled = false;
  let dropped = 0;

  front.on("message", (question, client) => {
    if (isCut) {
      dropped += 1;
      return;
    }
    const upstream = createSocket("udp4").unref();
    behind.add(upstream);
    upstream.on("connect", () => upstream.send(question));
    upstream.on("message", (answer) => {
      if (isCut) dropped += 1;
      else front.send(isGarbled ? answer.fill("nonsense ") : answer, client.port, client.address);
      end(upstream);
    });
    upstream.on("error", () => end(upstream));
    upstream.connect(port, "127.0.0.1");
  });

  function end(upstream: Socket): void {
    if (behind.delete(upstream)) upstream.close();
  }

  front.bind(own, "127.0.0.1");
  await once(front, "listening");
  return {
    port: front.address().port,
    get dropped() {
      return dropped;
    },
    cut() {
      isCut = true;
    },
    garble() {
      isGarbled = true;
    },
    heal() {
      isCut = isGarbled = false;
    },
    async [Symbol.asyncDispose]() {
      for (const upstream of behind) end(upstream);
      front.close();
      await once(front, "close");
    },
  };
}
