import { type LineSender, lineSender as senderOn, linkTo } from "@kit/line-sender";

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

/**
 * Makes a sender of lines, each of which ends in a newline. `onLost` is told how many lines were taken and then lost, as far as known.
 *
 * @param name put before the messages of the errors
 * @throws {TypeError} when an option is wrong.
 */
export function lineSender(name: string, options: LineSenderOptions, onLost: (lines: number) => void): LineSender {
  const { protocol = "udp", maxDatagramBytes = 1432, onError, ...rest } = options;
  if (protocol !== "udp" && protocol !== "tcp") {
    throw new TypeError(`${name}: protocol must be "udp" or "tcp", got ${String(protocol)}`);
  }
  if (!(Number.isInteger(maxDatagramBytes) && maxDatagramBytes >= 1 && maxDatagramBytes <= 65_507)) {
    throw new TypeError(
      `${name}: maxDatagramBytes must be an integer from 1 to 65507, got ${String(maxDatagramBytes)}`,
    );
  }
  return senderOn(name, {
    ...rest,
    link: linkTo(name, { ...rest, protocol }),
    ...(protocol === "udp" && { packetBytes: maxDatagramBytes }),
    onLost,
    ...(onError && { onError }),
    onLeft: (lines) => onError?.(new Error(`${name}: closed with ${lines} lines unsent`)),
  });
}
