import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { type Context, codeOf, KitError, refusal } from "@kit/endpoint";
import { type Answer, newQuery, type Query, readAnswer } from "./message.ts";
import type { Place } from "./servers.ts";

/** Sends the question once more after each of these parts of the time that there is: a lost packet is no outage. */
const attempts = 4;

/**
 * Asks one server for the SRV records of a name: over UDP, and over TCP when the answer was cut. The driver's own clients are not used: they check no more than
 * the id, cannot be called off, send a question once, and over TCP wait for ever, for any id.
 *
 * @throws {KitError} `deadline_exceeded` when there is no answer after `timeoutMs`, and the context's cause. Anything else is the socket's.
 */
export async function ask(place: Place, name: string, timeoutMs: number, ctx: Context): Promise<Answer> {
  using limited = ctx.withTimeout(timeoutMs);
  const query = newQuery(name);
  try {
    const answer = await overUdp(place, query, timeoutMs / attempts, limited);
    return answer.truncated ? await overTcp(place, query, limited) : answer;
  } catch (error) {
    if (codeOf(error) !== "deadline_exceeded") throw error;
    throw refusal("deadline_exceeded", `no DNS server answered within ${timeoutMs} ms`);
  }
}

/** What is no answer to the query, a stranger's or garbage, is as if it had not come. */
function overUdp({ host, port }: Place, query: Query, againMs: number, ctx: Context): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (ctx.cancelled !== undefined) throw ctx.cancelled;
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    const send = (): void => socket.send(query.bytes);
    let again: NodeJS.Timeout | undefined;
    let open = true;
    const leave = ctx.onCancel(fail);

    function end(): void {
      if (!open) return;
      open = false;
      clearInterval(again);
      leave();
      socket.close();
    }
    function fail(cause: Error): void {
      end();
      reject(cause);
    }

    socket.on("error", fail);
    socket.on("connect", () => {
      send();
      again = setInterval(send, againMs);
    });
    socket.on("message", (bytes) => {
      try {
        resolve(readAnswer(bytes, query));
      } catch {
        return;
      }
      end();
    });
    // The system lets through only what comes from there, and says when nobody listens.
    socket.connect(port, host);
  });
}

function overTcp({ host, port }: Place, query: Query, ctx: Context): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const leave = ctx.onCancel((cause) => void socket.destroy(cause));
    /** As long as a message can be, and its length before it; more is not taken. */
    const received = Buffer.alloc(2 + 65_535);
    let filled = 0;

    socket.on("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.bytes.length);
      socket.write(Buffer.concat([length, query.bytes]));
    });
    socket.on("data", (chunk) => {
      filled += chunk.copy(received, filled);
      const end = 2 + received.readUInt16BE(0);
      if (filled < 2 || filled < end) return;
      try {
        const answer = readAnswer(received.subarray(2, end), query);
        if (answer.truncated) throw new Error("cut over TCP as well");
        resolve(answer);
        socket.destroy();
      } catch (cause) {
        socket.destroy(new KitError("unavailable", "what DNS answered makes no sense", { cause }));
      }
    });
    socket.on("end", () => socket.destroy(new Error("the connection ended before the answer did")));
    socket.on("error", reject);
    socket.on("close", leave);
  });
}
