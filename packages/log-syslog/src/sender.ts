import { KitError, refusal } from "@kit/endpoint";
import { type OnError, report } from "@kit/log";
import type { Link, OpenLink } from "./link.ts";

/** How messages become bytes on a connection. */
export interface Framing {
  /** Around one message of so many bytes. */
  readonly frame: (message: string, bytes: number) => string;
  /** How many bytes of messages are written at once; 0 for one message a datagram. */
  readonly packetBytes: number;
}

/** Where messages go, and how many may wait. */
export interface Route extends Framing {
  /** For errors: `udp 127.0.0.1:514`. */
  readonly target: string;
  readonly open: OpenLink;
  readonly maxQueueBytes: number;
  readonly closeTimeoutMs: number;
  readonly onError: OnError | undefined;
}

/** Sends messages to a daemon that answers nothing. Nothing here throws or waits. */
export interface Sender {
  /** How many messages did not go, as far as known. */
  readonly dropped: number;
  send(message: string): void;
  /** Sends what is left, for `closeTimeoutMs` at most. May be called again. */
  close(): Promise<void>;
}

interface Packet {
  readonly bytes: Buffer;
  readonly messages: number;
  next: Packet | undefined;
}

const firstWaitMs = 100;
const longestWaitMs = 5000;

/** A connection that is lost sooner has most likely never been heard: a balancer without a server, TLS 1.3 that then refuses the certificate. */
const provenMs = 1000;

/** Makes a sender. It connects with the first message, and again, with jittered waits from 0.1 to 5 s, when the connection is lost. */
export function sender(route: Route): Sender {
  const { target, open: openLink, frame, packetBytes, maxQueueBytes, closeTimeoutMs, onError } = route;
  let open: string[] = [];
  let openBytes = 0;
  let first: Packet | undefined;
  let last: Packet | undefined;
  // All that was taken and has not gone: the open packet, the queue, and what is being written.
  let heldBytes = 0;
  let held = 0;
  let dropped = 0;
  let dropping = false;
  let link: Link | undefined;
  let ready = false;
  let writing: Packet | undefined;
  // On this connection.
  let openedAt = 0;
  let sent = 0;
  let failures = 0;
  let pause: NodeJS.Timeout | undefined;
  let scheduled = false;
  let closing: Promise<void> | undefined;
  let drained: (() => void) | undefined;

  function seal(): void {
    if (open.length === 0) return;
    const packet: Packet = { bytes: Buffer.from(open.join("")), messages: open.length, next: undefined };
    if (last === undefined) first = packet;
    else last.next = packet;
    last = packet;
    open = [];
    openBytes = 0;
  }

  function settle(packet: Packet): void {
    heldBytes -= packet.bytes.length;
    held -= packet.messages;
  }

  function pump(): void {
    if (writing !== undefined) return;
    seal();
    if (first === undefined) {
      dropping = false;
      if (ready) link?.idle?.();
      return drained?.();
    }
    if (link === undefined) {
      if (pause === undefined) link = openLink({ ready: opened, failed });
      return;
    }
    if (!ready) return;
    const packet = (writing = first);
    first = packet.next;
    if (first === undefined) last = undefined;
    link.write(packet.bytes, (error) => {
      // Its connection was lost or given up before.
      if (writing !== packet) return;
      if (error) return failed(error);
      writing = undefined;
      settle(packet);
      sent += packet.messages;
      pump();
    });
  }

  const isYoung = (): boolean => performance.now() - openedAt < provenMs;

  function opened(): void {
    ready = true;
    openedAt = performance.now();
    pump();
  }

  /** Counts what had been written, and was lost all the same. */
  function lost(code: string | undefined): void {
    if (packetBytes > 0) dropped += isYoung() ? sent : 0;
    // What the kernel reports so is the fate of the datagram before.
    else if (sent > 0 && code === "ECONNREFUSED") dropped++;
    sent = 0;
  }

  function failed(error: Error): void {
    const { code } = error as NodeJS.ErrnoException;
    if (ready && !isYoung()) failures = 0;
    link?.destroy();
    link = undefined;
    ready = false;
    lost(code);
    if (writing !== undefined) {
      if (packetBytes === 0 && code !== "EMSGSIZE") {
        // A datagram that failed has not gone at all.
        writing.next = first;
        first = writing;
        last ??= writing;
      } else {
        // Perhaps it arrived: a message that is missing and counted is better than one that is there twice.
        dropped += writing.messages;
        settle(writing);
      }
      writing = undefined;
    }
    if (failures++ === 0) report(onError, unsent(error));
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)) * (1 - Math.random() / 2);
    pause ??= setTimeout(() => {
      pause = undefined;
      pump();
    }, waitMs).unref();
  }

  const unsent = (cause: Error): KitError => new KitError("unavailable", `syslog: cannot send to ${target}`, { cause });

  function close(): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        clearTimeout(pause);
        link?.destroy();
        link = writing = first = last = undefined;
        ready = false;
        if (held > 0) {
          dropped += held;
          report(onError, new KitError("unavailable", `syslog: closed with ${held} messages unsent to ${target}`));
          held = heldBytes = 0;
        }
        resolve();
      };
      // It keeps the process alive, which the connection does not.
      const timer = setTimeout(finish, closeTimeoutMs);
      clearTimeout(pause);
      pause = undefined;
      drained = () => {
        drained = undefined;
        if (link === undefined) finish();
        else
          link.end((error) => {
            if (error !== undefined) {
              lost(error.code);
              report(onError, unsent(error));
            }
            finish();
          });
      };
      pump();
    });
  }

  return {
    get dropped() {
      return dropped;
    },
    send(message) {
      const bytes = Buffer.byteLength(message);
      const framed = frame(message, bytes);
      // What a frame adds is ASCII.
      const size = bytes + framed.length - message.length;
      if (closing !== undefined || heldBytes + size > maxQueueBytes) {
        dropped++;
        if (dropping || closing !== undefined) return;
        dropping = true;
        return report(
          onError,
          refusal("resource_exhausted", `syslog: ${held} messages wait for ${target}, more are dropped`),
        );
      }
      if (openBytes + size > packetBytes) seal();
      open.push(framed);
      openBytes += size;
      heldBytes += size;
      held++;
      if (scheduled) return;
      // What is logged in one turn goes together.
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        if (closing === undefined) pump();
      });
    },
    close: () => (closing ??= close()),
  };
}
