import { type Frame, newline } from "./frame.ts";
import type { Connection, Link } from "./link.ts";
import { isInteger, wrongOption } from "./option.ts";

export interface LineSenderOptions {
  /** The way to the daemon, of `linkTo`. */
  readonly link: Link;
  /** What a line looks like on the wire. @default newline */
  readonly frame?: Frame;
  /**
   * How many bytes of lines are written at once, as a datagram where the link has them. A line that is longer goes alone, and with 0 each does.
   * @default 1432 in datagrams, what Ethernet carries in one frame; 16_384 on a stream, what TLS does
   */
  readonly packetBytes?: number;
  /** How many bytes may wait for a daemon that is away or slow. @default 1_048_576 */
  readonly maxQueueBytes?: number;
  /** How long `close` may take to get rid of what waits, in ms. @default 1000, so that a deployment does not wait for a daemon that is away */
  readonly closeTimeoutMs?: number;
  /** Told why lines cannot be sent, once each time that this begins. Must not throw, like the others. @default nobody is told */
  readonly onError?: (error: Error) => void;
  /** Told how many lines wait when one finds no room: once, until all of them have gone. @default nobody is told */
  readonly onFull?: (waiting: number) => void;
  /** Told how many lines were taken and then lost, as far as known; those left at `close` are among them. @default nobody is told */
  readonly onLost?: (lines: number) => void;
  /** Told by `close` how many lines are left, if any are. @default nobody is told */
  readonly onLeft?: (lines: number) => void;
}

/** Sends lines to a daemon that answers nothing. Nothing here throws or waits, so it may be called inside calls. */
export interface LineSender {
  /** Takes a line, or several that must stay together. `false` when there is no room or after `close`: it is then not sent, and yours to count. */
  send(line: string): boolean;
  /** Sends, at the end of this turn, what waits for its packet to fill. */
  flush(): void;
  /** Sends what is left, for `closeTimeoutMs` at most. May be called again. */
  close(): Promise<void>;
}

interface Packet {
  readonly bytes: Buffer;
  readonly lines: number;
  next: Packet | undefined;
}

const firstWaitMs = 100;
const longestWaitMs = 5000;

/** A connection that is lost sooner has most likely never been heard: a balancer without a server, TLS 1.3 that then refuses the certificate. */
const provenMs = 1000;

/** So many go in one turn. Most datagrams have gone as soon as they are written, so a long queue would hold up everything else. */
const packetsPerTurn = 64;

/**
 * Makes a sender. It connects with the first lines, and again, with jittered waits from 0.1 to 5 s, when the connection is lost and there is
 * something to send.
 *
 * @param name put before the messages of the errors
 * @throws {TypeError} when an option is wrong.
 * @see go-kit util/conn/manager.go
 */
export function lineSender(name: string, options: LineSenderOptions): LineSender {
  const { link, frame = newline, maxQueueBytes = 1_048_576, closeTimeoutMs = 1000 } = options;
  if (typeof link?.open !== "function") throw wrongOption(name, "link", "what linkTo makes", link);
  if (typeof frame !== "function") throw wrongOption(name, "frame", "a function", typeof frame);
  const { packetBytes = link.datagrams ? 1432 : 16_384, onError, onFull, onLost, onLeft } = options;
  const largest = link.datagrams ? 65_507 : 2 ** 30;
  if (!isInteger(packetBytes, 0, largest)) {
    throw wrongOption(name, "packetBytes", `an integer from 0 to ${largest}`, packetBytes);
  }
  if (!isInteger(maxQueueBytes, 1, 2 ** 30)) {
    throw wrongOption(name, "maxQueueBytes", "an integer from 1 to 2^30", maxQueueBytes);
  }
  if (!isInteger(closeTimeoutMs, 0, 2 ** 31 - 1)) {
    throw wrongOption(name, "closeTimeoutMs", "an integer from 0 to 2147483647", closeTimeoutMs);
  }

  let open: string[] = [];
  let openBytes = 0;
  // The open packet is not to wait until it is full.
  let due = false;
  let first: Packet | undefined;
  let last: Packet | undefined;
  // All that was taken and has not gone: the open packet, the queue, and what is being written.
  let heldBytes = 0;
  let held = 0;
  let full = false;
  let connection: Connection | undefined;
  let ready = false;
  let writing: Packet | undefined;
  let packets = 0;
  // Lines that went over this connection, and are lost if it turns out to be none: of a stream all, of datagrams those of the last.
  let atRisk = 0;
  let openedAt = 0;
  let failures = 0;
  let pause: NodeJS.Timeout | undefined;
  let scheduled = false;
  let closing: Promise<void> | undefined;
  let drained: (() => void) | undefined;
  let over = false;

  function seal(): void {
    due = false;
    if (open.length === 0) return;
    const packet: Packet = { bytes: Buffer.from(open.join("")), lines: open.length, next: undefined };
    if (last === undefined) first = packet;
    else last.next = packet;
    last = packet;
    open = [];
    openBytes = 0;
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      pump();
    });
  }

  function pump(): void {
    if (over || writing !== undefined) return;
    if (first === undefined && due) seal();
    if (first === undefined) {
      if (ready) connection?.idle?.();
      return drained?.();
    }
    if (connection === undefined) {
      if (pause === undefined) connection = link.open({ ready: opened, failed });
      return;
    }
    if (!ready) return;
    const packet = (writing = first);
    first = packet.next;
    if (first === undefined) last = undefined;
    const writtenTo = connection;
    writtenTo.write(packet.bytes, (error) => {
      // It was lost or given up before.
      if (connection !== writtenTo) return;
      if (error) return failed(error);
      writing = undefined;
      settle(packet);
      atRisk = link.datagrams ? packet.lines : atRisk + packet.lines;
      if (++packets % packetsPerTurn === 0) schedule();
      else pump();
    });
  }

  function settle(packet: Packet): void {
    heldBytes -= packet.bytes.length;
    held -= packet.lines;
    if (held === 0) full = false;
  }

  const isYoung = (): boolean => performance.now() - openedAt < provenMs;

  function opened(): void {
    ready = true;
    openedAt = performance.now();
    pump();
  }

  function failed(error: NodeJS.ErrnoException): void {
    if (ready && !isYoung()) failures = 0;
    connection?.destroy();
    connection = undefined;
    ready = false;
    lose(error);
    if (writing !== undefined) {
      if (link.datagrams && error.code !== "EMSGSIZE") {
        // A datagram that failed has not gone at all.
        writing.next = first;
        first = writing;
        last ??= writing;
      } else {
        // Perhaps it arrived: a line that is missing and counted is better than one that is there twice.
        settle(writing);
        onLost?.(writing.lines);
      }
      writing = undefined;
    }
    if (failures++ === 0) onError?.(error);
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)) * (1 - Math.random() / 2);
    pause ??= setTimeout(() => {
      pause = undefined;
      pump();
    }, waitMs).unref();
  }

  /** Counts what had been written, and is lost all the same. */
  function lose({ code }: NodeJS.ErrnoException): void {
    // What the kernel reports so is the fate of the datagram before.
    if (atRisk > 0 && (link.datagrams ? code === "ECONNREFUSED" : isYoung())) onLost?.(atRisk);
    atRisk = 0;
  }

  function close(): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        over = true;
        clearTimeout(timer);
        clearTimeout(pause);
        connection?.destroy();
        connection = writing = first = last = undefined;
        open = [];
        if (held > 0) {
          onLost?.(held);
          onLeft?.(held);
        }
        resolve();
      };
      // It keeps the process alive, which the connection does not.
      const timer = setTimeout(finish, closeTimeoutMs);
      clearTimeout(pause);
      pause = undefined;
      due = true;
      drained = () => {
        drained = undefined;
        if (connection === undefined) return finish();
        connection.end((error) => {
          if (error !== undefined) {
            lose(error);
            onError?.(error);
          }
          finish();
        });
      };
      pump();
    });
  }

  return {
    send(line) {
      const bytes = Buffer.byteLength(line);
      const framed = frame(line, bytes);
      // What a frame adds is ASCII.
      const size = bytes + framed.length - line.length;
      if (closing !== undefined) return false;
      if (heldBytes + size > maxQueueBytes) {
        if (!full) {
          full = true;
          onFull?.(held);
        }
        return false;
      }
      if (openBytes + size > packetBytes) {
        seal();
        schedule();
      }
      open.push(framed);
      openBytes += size;
      heldBytes += size;
      held++;
      return true;
    },
    flush() {
      due = true;
      schedule();
    },
    close: () => (closing ??= close()),
  };
}
