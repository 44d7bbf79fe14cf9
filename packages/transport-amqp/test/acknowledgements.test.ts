import type { Channel, ConsumeMessage } from "amqplib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Acknowledgements } from "../src/acknowledgements.ts";

const message = (deliveryTag: number): ConsumeMessage => ({ fields: { deliveryTag } }) as ConsumeMessage;

/** A broker that refuses what RabbitMQ refuses: a tag that it does not wait for. */
function broker(delivered: number) {
  const outstanding = new Set(Array.from({ length: delivered }, (_, n) => n + 1));
  let frames = 0;
  const settle = ({ fields: { deliveryTag } }: ConsumeMessage, multiple = false): void => {
    frames += 1;
    if (!outstanding.has(deliveryTag)) throw new Error(`unknown delivery tag ${deliveryTag}`);
    for (const tag of outstanding) if (tag === deliveryTag || (multiple && tag < deliveryTag)) outstanding.delete(tag);
  };
  return { channel: { ack: settle, nack: settle } as unknown as Channel, outstanding, frames: () => frames };
}

it("settles exactly what is done, in any order and any turns", () => {
  const turns = fc.array(fc.array(fc.record({ tag: fc.nat(39), refused: fc.boolean() }), { maxLength: 12 }));
  fc.assert(
    fc.property(turns, (plan) => {
      const { channel, outstanding } = broker(40);
      const refusing = { ...channel, ack: channel.ack.bind(channel), nack: channel.nack.bind(channel) };
      const failures: unknown[] = [];
      refusing.ack = (...args) => {
        try {
          channel.ack(...args);
        } catch (error) {
          failures.push(error);
        }
      };
      const acknowledgements = new Acknowledgements(refusing);
      const left = new Set(outstanding);
      for (const turn of plan) {
        for (const { tag, refused } of turn) {
          if (!left.delete(tag + 1)) continue;
          if (refused) acknowledgements.nack(message(tag + 1), true);
          else acknowledgements.ack(message(tag + 1));
        }
        acknowledgements.flush();
        expect([...outstanding]).toEqual([...left]);
      }
      expect(failures).toEqual([]);
    }),
  );
});

it("says with one frame what was done in one turn", async () => {
  const { channel, outstanding, frames } = broker(64);
  const acknowledgements = new Acknowledgements(channel);
  for (let tag = 64; tag > 0; tag--) acknowledgements.ack(message(tag));
  await new Promise(setImmediate);
  expect([outstanding.size, frames()]).toEqual([0, 1]);
});
