import type { Channel, ConsumeMessage, Message } from "amqplib";

/**
 * Acknowledges what was done on one channel: what is done in one turn by one frame, where no earlier message is still in hand, since a frame costs either side
 * about as much as a small message.
 */
export class Acknowledgements {
  readonly #channel: Channel;
  /** The lowest tag that is not settled. The broker counts them up from 1. */
  #lowest = 1;
  /** Those above that are. */
  readonly #settled = new Set<number>();
  #done: Message[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  ack(message: ConsumeMessage): void {
    if (this.#done.push(message) === 1) process.nextTick(() => this.flush());
  }

  nack(message: ConsumeMessage, requeue: boolean): void {
    this.#settled.add(message.fields.deliveryTag);
    this.#channel.nack(message, false, requeue);
  }

  /** Says now what would be said at the end of the turn. */
  flush(): void {
    const done = this.#done;
    this.#done = [];
    for (const { fields } of done) this.#settled.add(fields.deliveryTag);
    while (this.#settled.delete(this.#lowest)) this.#lowest += 1;
    let last: Message | undefined;
    const apart: Message[] = [];
    for (const message of done) {
      const { deliveryTag } = message.fields;
      if (deliveryTag >= this.#lowest) apart.push(message);
      else if (last === undefined || deliveryTag > last.fields.deliveryTag) last = message;
    }
    try {
      // A tag that the broker still waits for: it takes no other, even with those before it.
      if (last !== undefined) this.#channel.ack(last, true);
      for (const message of apart) this.#channel.ack(message);
    } catch {
      // The channel has just gone, and with it what it waited for.
    }
  }
}
