import type { Socket } from "node:net";
import { KitError } from "@kit/endpoint";
import type { Link } from "./link.ts";

/** How long a connection may take to come about, its handshake included: a peer that is stopped accepts and stays silent. */
const longestConnectMs = 10_000;

/** @param readyOn the event that says that it can be written to */
export function streamLink(name: string, connect: () => Socket, readyOn: "connect" | "secureConnect"): Link {
  return {
    name,
    datagrams: false,
    open({ ready, failed }) {
      const socket = connect().unref();
      let over = false;
      let failure: Error | undefined;
      const fail = (error: Error): void => {
        failure = error;
        if (over) return;
        over = true;
        failed(error);
      };
      const timer = setTimeout(
        () => fail(new KitError("deadline_exceeded", "the connection took too long")),
        longestConnectMs,
      ).unref();
      socket.once(readyOn, () => {
        clearTimeout(timer);
        if (!over) ready();
      });
      socket.on("error", fail);
      socket.on("close", () => {
        clearTimeout(timer);
        if (!over) fail(new KitError("unavailable", "the connection was closed by the other side"));
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
    },
  };
}
