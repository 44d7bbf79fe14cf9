import type { EventEmitter } from "node:events";

interface Endable {
  end(): void;
}

const underWay: unique symbol = Symbol("@kit/transport-http/underWay");

/** A socket, or a stream of HTTP/2. */
type Connection = EventEmitter & { [underWay]?: Set<Endable> };

/**
 * The calls that end when their connection does. One listener for all of them is cheaper than one each, and hears of it also for those that wait for
 * their turn behind another.
 */
export function callsOn(connection: Connection): Set<Endable> {
  let calls = connection[underWay];
  if (calls !== undefined) return calls;
  calls = connection[underWay] = new Set();
  connection.on("close", () => {
    for (const call of calls) call.end();
  });
  return calls;
}
