import { type Code, isKitError, KitError } from "@kit/endpoint";
import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import { Kept } from "./kept.ts";
import { within } from "./within.ts";

/** How long a broker may take to close a channel, in ms; the connection's heartbeat sees to the rest. */
const goodbyeMs = 1_000;

/** How many frames a channel holds, twice over, before it says that it is full: with the longest ones 16 MB. */
const highWaterMark = 64;

export interface AmqpChannelOptions {
  /**
   * What is made on the channel each time it is opened: exchanges, queues, bindings, consumers. `lost` tells that it is of no use any more, and has it opened anew.
   * @default nothing
   */
  readonly setup?: (channel: Channel, lost: (cause: Error) => void) => Promise<void>;
  /** Whether the broker confirms what is published. @default false */
  readonly confirm?: boolean;
  /** Hears that it is gone. @default nobody hears */
  readonly onLost?: (why: KitError) => void;
  /** Whether to leave it closed where the broker does not allow what is done on it. @default false, since permissions may change */
  readonly optional?: boolean;
}

/** A channel that comes back. */
export interface AmqpChannel extends AsyncDisposable {
  /** The channel of amqplib, while it is open. */
  readonly current: Channel | ConfirmChannel | undefined;
  /** The same, or how the attempt to open it ends. @throws {KitError} `unavailable`, or what is wrong with what is set up on it. */
  ready(): Promise<Channel | ConfirmChannel>;
  close(): Promise<void>;
}

export function keptChannel(
  connection: Kept<ChannelModel>,
  options: AmqpChannelOptions,
  maxBackoffMs: number,
  onError: (error: KitError) => void,
): Kept<Channel | ConfirmChannel> {
  const { setup, confirm = false, onLost, optional = false } = options;

  const open = async (lost: (why: KitError) => void): Promise<Channel | ConfirmChannel> => {
    const model = await connection.ready();
    let cause: Error | undefined;
    let channel: Channel | ConfirmChannel | undefined;
    try {
      channel = await (confirm
        ? model.createConfirmChannel({ highWaterMark })
        : model.createChannel({ highWaterMark }));
      channel.on("error", (error) => (cause = error));
      channel.on("close", () => {
        const why = channelError("the channel was lost", cause);
        // That the connection is gone is told by it alone.
        if (cause !== undefined && kept.current === channel) onError(why);
        lost(why);
      });
      await setup?.(channel, (gone) => {
        cause ??= gone;
        void channel?.close().catch(() => {});
      });
      return channel;
    } catch (error) {
      void channel?.close().catch(() => {});
      const why = channelError("cannot set up the channel", cause ?? error);
      onError(why);
      throw why;
    }
  };

  const kept = new Kept<Channel | ConfirmChannel>({
    open,
    // Closed in turn, after what was sent before.
    close: async (channel) => void (await within(goodbyeMs, closing(channel))),
    ...(onLost && { onLost }),
    isHopeless: (why) => optional && why.code === "permission_denied",
    maxBackoffMs,
  });
  return kept;
}

/** amqplib throws at once where there is nothing left to close. */
async function closing(channel: Channel): Promise<void> {
  await channel.close();
}

/** What the broker's own codes mean. */
const codeOfReply: Readonly<Record<number, Code>> = {
  403: "permission_denied",
  404: "not_found",
  405: "failed_precondition",
  406: "failed_precondition",
};

function channelError(what: string, cause: unknown): KitError {
  if (isKitError(cause)) return cause;
  const { code, message } = (cause ?? {}) as { code?: number; message?: string };
  const known = codeOfReply[code ?? 0];
  if (known === undefined) return new KitError("unavailable", `amqp: ${what}`, { cause, notSent: true });
  // It says which queue or exchange, and what about it, which whoever set it up has to know.
  const detail = message?.match(/"(.*)"$/)?.[1] ?? message;
  return new KitError(known, `amqp: ${what}: ${detail}`, { cause, notSent: true });
}
