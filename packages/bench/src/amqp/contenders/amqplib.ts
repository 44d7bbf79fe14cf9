import { connect as dial, type ConsumeMessage } from "amqplib";
import type { SumRequest, SumResponse } from "../sum.ts";

const queue = "bench-amqplib";

/** The fast ordinary way: Nagle's algorithm off, direct reply-to, an acknowledgement after each reply. */
export async function serve(url: string): Promise<void> {
  const channel = await (await dial(url, { noDelay: true })).createChannel();
  await channel.assertQueue(queue);
  await channel.prefetch(64);
  await channel.consume(queue, (message) => {
    const { a, b }: SumRequest = JSON.parse(message!.content.toString());
    const response: SumResponse = { v: a + b };
    const { replyTo, correlationId } = message!.properties;
    channel.publish("", replyTo, Buffer.from(JSON.stringify(response)), { correlationId });
    channel.ack(message!);
  });
}

export async function connect(url: string): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const channel = await (await dial(url, { noDelay: true })).createChannel();
  const pending = new Map<string, (response: SumResponse) => void>();
  let calls = 0;
  const replyTo = "amq.rabbitmq.reply-to";
  const receive = ({ content, properties: { correlationId } }: ConsumeMessage): void => {
    pending.get(correlationId)?.(JSON.parse(content.toString()));
    pending.delete(correlationId);
  };
  await channel.consume(replyTo, (message) => receive(message!), { noAck: true });
  return (request) =>
    new Promise((resolve) => {
      const correlationId = String(++calls);
      pending.set(correlationId, resolve);
      channel.publish("", queue, Buffer.from(JSON.stringify(request)), { replyTo, correlationId });
    });
}
