import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { lookup } from "node:dns";
import { connect } from "node:net";

/** Where lines go and how many may wait. Adapters hand it on as it is. */
export interface LineSenderOptions {
  /** TCP says when nobody is there and loses less; UDP is what most daemons expect. @default "udp" */
  readonly protocol?: "udp" | "tcp";
  /** A name is looked up for each connection. @default "127.0.0.1" */
  readonly host?: string;
  readonly port: number;
  /** How many bytes of lines share one UDP datagram; a line that is longer goes alone. @default 1432, what Ethernet carries in one frame */
  readonly maxDatagramBytes?: number;
  /** How many bytes may wait for a backend that is away or slow. @default 1_048_576 */
  readonly maxQueueBytes?: number;
  /** How long `close` may take to get rid of what waits, in ms. @default 1000, for a process that ends is not to wait for its metrics */
  readonly closeTimeoutMs?: number;
  /** Told why lines cannot be sent: once when that begins, and at `close` if some are left. Must not throw. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/** Sends lines to a backend that answers nothing. Nothing here throws or waits, so it may be called inside calls. */
export interface LineSender {
  /**
   * Takes a line without its end, or several that must stay together. `false` when there is no room or after `close`: it is then not
   * sent, and yours to count.
   */
  send(line: string): boolean;
  /** Sends what waits for its datagram to fill. */
  flush(): void;
  /** Sends what is left, for `closeTimeoutMs` at most. May be called again. */
  close(): Promise<void>;
}

interface Packet {
  readonly bytes: Buffer;
  readonly lines: number;
}

/** One connection: `ready` comes first, `failed` at most once, and nothing after `destroy`. */
interface Link {
  write(bytes: Buffer, done: (error?: Error | null) => void): void;
  end(done: () => void): void;
  destroy(): void;
}

interface LinkEvents {
  readonly ready: () => void;
  readonly failed: (error: Error) => void;
}

const firstWaitMs = 100;
const longestWaitMs = 5000;
const tcpPacketBytes = 65_536;

/**
 * Makes a sender. It connects with the first lines, and again, with jittered waits from 0.1 to 5 s, when the connection is lost and
 * there is something to send. `onLost` is told how many lines were taken and then lost, as far as the kernel says so.
 *
 * @param name put before the messages of the errors
 * @throws {TypeError} when an option is wrong.
 * @see go-kit util/conn/manager.go
 */
export function lineSender(name: string, options: LineSenderOptions, onLost: (lines: number) => void): LineSender {
  const { protocol = "udp", host = "127.0.0.1", port, maxDatagramBytes = 1432 } = options;
  const { maxQueueBytes = 1_048_576, closeTimeoutMs = 1000, onError } = options;
  const wrong = (option: string, rule: string, got: unknown): TypeError =>
    new TypeError(`${name}: ${option} must be ${rule}, got ${String(got)}`);
  if (protocol !== "udp" && protocol !== "tcp") throw wrong("protocol", '"udp" or "tcp"', protocol);
  if (typeof host !== "string" || host === "") throw wrong("host", "a string that is not empty", host);
  if (!isInteger(port, 1, 65_535)) throw wrong("port", "an integer from 1 to 65535", port);
  if (!isInteger(maxDatagramBytes, 1, 65_507)) {
    throw wrong("maxDatagramBytes", "an integer from 1 to 65507", maxDatagramBytes);
  }
  if (!isInteger(maxQueueBytes, 1, 2 ** 30)) throw wrong("maxQueueBytes", "an integer from 1 to 2^30", maxQueueBytes);
  if (!isInteger(closeTimeoutMs, 0, 2 ** 31 - 1)) {
    throw wrong("closeTimeoutMs", "an integer from 0 to 2147483647", closeTimeoutMs);
  }

  const openLink = protocol === "udp" ? openUdp : openTcp;
  const packetBytes = protocol === "udp" ? maxDatagramBytes : tcpPacketBytes;
  const queue: Packet[] = [];
  let open: string[] = [];
  let openBytes = 0;
  // All that was taken and has not gone: the open packet, the queue, and what is being written.
  let heldBytes = 0;
  let link: Link | undefined;
  let ready = false;
  let writing: Packet | undefined;
  let last: Packet | undefined;
  let written = 0;
  let failures = 0;
  let pause: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;
  let drained: (() => void) | undefined;

  function seal(): void {
    if (openBytes === 0) return;
    queue.push({ bytes: Buffer.from(`${open.join("\n")}\n`), lines: open.length });
    open = [];
    openBytes = 0;
  }

  function pump(): void {
    if (writing !== undefined) return;
    if (queue.length === 0) return drained?.();
    if (link === undefined) {
      if (pause === undefined) link = openLink(host, port, { ready: opened, failed });
      return;
    }
    if (!ready) return;
    const packet = (writing = queue.shift()!);
    link.write(packet.bytes, (error) => {
      // Its connection was lost or given up before.
      if (writing !== packet) return;
      if (error) return failed(error);
      writing = undefined;
      heldBytes -= packet.bytes.length;
      last = packet;
      // One packet proves nothing: UDP hears later that nobody was there, and TCP that the peer has hung up.
      if (++written > 1) failures = 0;
      pump();
    });
  }

  function opened(): void {
    ready = true;
    written = 0;
    pump();
  }

  function failed(error: Error): void {
    link?.destroy();
    link = undefined;
    ready = false;
    // What the kernel reports so is the fate of the datagram before.
    if (protocol === "udp" && (error as NodeJS.ErrnoException).code === "ECONNREFUSED") onLost(last?.lines ?? 0);
    last = undefined;
    if (writing !== undefined) {
      heldBytes -= writing.bytes.length;
      onLost(writing.lines);
      writing = undefined;
    }
    if (failures++ === 0) onError?.(error);
    if (drained !== undefined) return drained();
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)) * (1 - Math.random() / 2);
    pause ??= setTimeout(() => {
      pause = undefined;
      pump();
    }, waitMs).unref();
  }

  function close(): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        link?.destroy();
        link = undefined;
        const left = queue.reduce((sum, { lines }) => sum + lines, writing?.lines ?? 0);
        writing = undefined;
        queue.length = 0;
        if (left > 0) {
          onLost(left);
          onError?.(new Error(`${name}: closed with ${left} lines unsent`));
        }
        resolve();
      };
      // It keeps the process alive, which the connection does not.
      const timer = setTimeout(finish, closeTimeoutMs);
      clearTimeout(pause);
      pause = undefined;
      seal();
      drained = () => {
        drained = finish;
        if (queue.length > 0 || link === undefined) finish();
        else link.end(finish);
      };
      pump();
    });
  }

  return {
    send(line) {
      const bytes = Buffer.byteLength(line) + 1;
      if (closing !== undefined || heldBytes + bytes > maxQueueBytes) return false;
      if (openBytes + bytes > packetBytes) {
        seal();
        pump();
      }
      open.push(line);
      openBytes += bytes;
      heldBytes += bytes;
      return true;
    },
    flush() {
      if (closing !== undefined) return;
      seal();
      pump();
    },
    close: () => (closing ??= close()),
  };
}

function openUdp(host: string, port: number, { ready, failed }: LinkEvents): Link {
  let socket: UdpSocket | undefined;
  let over = false;
  const fail = (error: Error): void => {
    if (!over) failed(error);
  };
  lookup(host, (error, address, family) => {
    if (over) return;
    if (error) return fail(error);
    // Connected, for the kernel then says when nobody listens.
    socket = createSocket(family === 6 ? "udp6" : "udp4");
    socket.unref().on("error", fail).once("connect", ready).connect(port, address);
  });
  const destroy = (): void => {
    if (over) return;
    over = true;
    socket?.close();
  };
  return {
    write: (bytes, done) => socket!.send(bytes, done),
    end(done) {
      destroy();
      done();
    },
    destroy,
  };
}

function openTcp(host: string, port: number, { ready, failed }: LinkEvents): Link {
  const socket = connect({ host, port, noDelay: true }).unref();
  let over = false;
  const fail = (error: Error): void => {
    if (over) return;
    over = true;
    failed(error);
  };
  socket.once("connect", ready).on("error", fail);
  socket.on("close", () => fail(new Error("the connection was closed by the other side")));
  // What it says is of no use, but unread it would become a reset at the end, which could take lines with it.
  socket.resume();
  return {
    write: (bytes, done) => void socket.write(bytes, done),
    end(done) {
      over = true;
      socket.once("close", done).end();
    },
    destroy() {
      over = true;
      socket.destroy();
    },
  };
}

function isInteger(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
