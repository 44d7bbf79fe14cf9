import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { lookup } from "node:dns";
import type { Socket } from "node:net";

/** One connection: `ready` comes first, `failed` at most once, and nothing after `destroy` or `end`. */
export interface Link {
  write(bytes: Buffer, done: Done): void;
  /** Nothing waits to be written. */
  idle?(): void;
  end(done: (error?: NodeJS.ErrnoException) => void): void;
  destroy(): void;
}

interface LinkEvents {
  readonly ready: () => void;
  readonly failed: (error: Error) => void;
}

/** Opens a connection that does not keep the process alive. */
export type OpenLink = (events: LinkEvents) => Link;

/**
 * A socket that can send datagrams to a unix socket, which Node's own cannot: `DgramSocket` of node-unix-socket. It calls `done` before `sendTo`
 * returns, or later if the receiver has no room.
 */
export interface UnixDgramSocket {
  sendTo(bytes: Buffer, offset: number, length: number, path: string, done: (error?: Error) => void): void;
  close(): void;
}

/** So many datagrams go in one turn, or a long queue would hold up everything else. */
const datagramsPerTurn = 64;

type Done = (error?: Error | null) => void;

/** `done`, but later where the turn of the `sent`th datagram is over. */
function inTurns(sent: number, done: Done): Done {
  return sent % datagramsPerTurn === 0
    ? (error) => setImmediate(done, error)
    : (error) => process.nextTick(done, error);
}

export function udpLink(host: string, port: number): OpenLink {
  return ({ ready, failed }) => {
    let socket: UdpSocket | undefined;
    let over = false;
    let sent = 0;
    const fail = (error: Error): void => {
      if (!over) failed(error);
    };
    lookup(host, (error, address, family) => {
      if (over) return;
      if (error) return fail(error);
      // Connected, for the kernel then says when nobody listens.
      socket = createSocket(family === 6 ? "udp6" : "udp4");
      socket.unref().on("error", fail);
      socket.connect(port, address, () => {
        if (!over) ready();
      });
    });
    const destroy = (): void => {
      if (over) return;
      over = true;
      socket?.close();
    };
    return {
      write: (bytes, done) => socket!.send(bytes, inTurns(++sent, done)),
      end(done) {
        destroy();
        done();
      },
      destroy,
    };
  };
}

/** How long a connection may take to come about, its handshake included: a peer that is stopped accepts and stays silent. */
const longestConnectMs = 10_000;

/** @param readyOn the event that says that it can be written to */
export function streamLink(connect: () => Socket, readyOn: "connect" | "secureConnect"): OpenLink {
  return ({ ready, failed }) => {
    const socket = connect().unref();
    let over = false;
    let failure: Error | undefined;
    const fail = (error: Error): void => {
      failure = error;
      if (over) return;
      over = true;
      failed(error);
    };
    const timer = setTimeout(() => fail(new Error("the connection took too long")), longestConnectMs).unref();
    socket.once(readyOn, () => {
      clearTimeout(timer);
      if (!over) ready();
    });
    socket.on("error", fail);
    socket.on("close", () => {
      clearTimeout(timer);
      if (!over) fail(new Error("the connection was closed by the other side"));
    });
    // What it says is of no use, but unread it would become a reset at the end, which could take lines with it.
    socket.resume();
    return {
      write: (bytes, done) => void socket.write(bytes, done),
      end(done) {
        over = true;
        socket.once("close", () => done(failure)).end();
      },
      destroy() {
        over = true;
        socket.destroy();
      },
    };
  };
}

const longestRetryMs = 50;

/** Open only while there is something to send, since such a socket keeps the process alive. */
export function unixDgramLink(path: string, make: () => UnixDgramSocket): OpenLink {
  return ({ ready, failed }) => {
    const opening = setImmediate(ready);
    let socket: UnixDgramSocket | undefined;
    let retry: NodeJS.Timeout | undefined;
    let sent = 0;

    const close = (): void => {
      clearImmediate(opening);
      clearTimeout(retry);
      socket?.close();
      socket = undefined;
    };

    function write(bytes: Buffer, done: Done, tries: number): void {
      let answered = false;
      try {
        socket ??= make();
        socket.sendTo(bytes, 0, bytes.length, path, (error) => {
          answered = true;
          inTurns(++sent, done)(error);
        });
      } catch (error) {
        answered = true;
        setImmediate(() => failed(error as Error));
      }
      if (answered) return;
      // There is no room. Left to itself the socket asks for some without a pause, at the cost of a whole core.
      close();
      retry = setTimeout(write, Math.min(tries, longestRetryMs), bytes, done, tries + 1).unref();
    }

    return {
      write: (bytes, done) => write(bytes, done, 1),
      idle: close,
      end(done) {
        close();
        done();
      },
      destroy: close,
    };
  };
}
