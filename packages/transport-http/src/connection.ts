import type { EventEmitter } from "node:events";

interface Endable {
  end(): void;
}

const underWay: unique symbol = Symbol("@kit/transport-http/underWay");

/** A socket, or a stream of HTTP/2. */
type Connection = EventEmitter & { [underWay]?: Endable[] };

/**
 * Has the call ended when its connection is closed. One listener for all calls of a connection is cheaper than one each, and hears of it also for those
 * that wait for their turn behind another.
 */
export function joinConnection(connection: Connection, call: Endable): void {
  let calls = connection[underWay];
  if (calls === undefined) {
    const all: Endable[] = (calls = connection[underWay] = []);
    connection.on("close", () => {
      for (const one of all.slice()) one.end();
    });
  }
  calls.push(call);
}

/** The call is over. */
export function leaveConnection(connection: Connection, call: Endable): void {
  const calls = connection[underWay]!;
  // Nearly always the only one.
  if (calls.at(-1) === call) calls.pop();
  else if (calls.includes(call)) calls.splice(calls.indexOf(call), 1);
}
