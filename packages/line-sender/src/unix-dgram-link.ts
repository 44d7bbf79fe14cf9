import type { Done, Link } from "./link.ts";

/**
 * A socket that can send datagrams to a unix socket, which Node's own cannot: `DgramSocket` of node-unix-socket. It calls `done` before `sendTo`
 * returns, or later if the receiver has no room.
 */
export interface UnixDgramSocket {
  sendTo(bytes: Buffer, offset: number, length: number, path: string, done: (error?: Error) => void): void;
  close(): void;
}

const longestRetryMs = 50;

/** Open only while there is something to send, since such a socket keeps the process alive. */
export function unixDgramLink(path: string, make: () => UnixDgramSocket): Link {
  return {
    name: `unix-dgram ${path}`,
    datagrams: true,
    open({ ready }) {
      const opening = setImmediate(ready);
      let socket: UnixDgramSocket | undefined;
      let retry: NodeJS.Timeout | undefined;

      const close = (): void => {
        clearImmediate(opening);
        clearTimeout(retry);
        socket?.close();
        socket = undefined;
      };

      function write(bytes: Buffer, done: Done, tries: number): void {
        let over = false;
        const settle = (error?: Error): void => {
          if (over) return;
          over = true;
          // node-unix-socket has no codes, but this one must be known: such a datagram would be tried again for ever.
          if (error?.message === "Message too long") Object.assign(error, { code: "EMSGSIZE" });
          process.nextTick(done, error);
        };
        try {
          socket ??= make();
          socket.sendTo(bytes, 0, bytes.length, path, settle);
        } catch (error) {
          settle(error as Error);
        }
        if (over) return;
        over = true;
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
    },
  };
}
