import { background, KitError } from "@kit/endpoint";
import { expect, it } from "vitest";
import { drainGrpc, grpcService } from "../src/index.ts";
import { Numbers as NumbersDescriptor } from "./generated/suite_pb.ts";
import { connected, latch, rejection, serving } from "./serving.ts";

const Numbers = grpcService(NumbersDescriptor);

async function held() {
  const began = latch();
  const go = latch();
  let cause: Error | undefined;
  const both = await serving(Numbers, {
    async square({ value }, ctx) {
      ctx.onCancel((why) => (cause = why));
      began.reach();
      await go.reached;
      return { value: value * value };
    },
    async count({ value }) {
      return (async function* () {
        yield { value };
        await go.reached;
        yield { value };
      })();
    },
    total: () => Promise.reject(new KitError("unimplemented", "not here")),
    squares: () => Promise.reject(new KitError("unimplemented", "not here")),
  });
  return { ...both, began: began.reached, go: go.reach, cause: () => cause };
}

it("close lets the calls in hand finish, streams too, and takes no new ones", async () => {
  const { client, served, address, began, go } = await held();
  const call = client.square({ value: 3 }, background);
  await began;
  const stream = (await client.count({ value: 1 }, background))[Symbol.asyncIterator]();
  await stream.next();
  const closed = served.close();
  expect(await rejection(client.square({ value: 1 }, background))).toMatchObject({ code: "unavailable" });
  go();
  expect((await call).value).toBe(9);
  expect((await stream.next()).value.value).toBe(1);
  expect((await stream.next()).done).toBe(true);
  expect(await closed).toBe(true);
  // The server itself is its owner's, and goes on.
  expect(await rejection(connected(Numbers, address).square({ value: 1 }, background))).toMatchObject({
    code: "unimplemented",
  });
});

it("close cancels what is left when its time is over", async () => {
  const { client, served, began, cause } = await held();
  const call = rejection(client.square({ value: 3 }, background));
  const stream = await client.count({ value: 1 }, background);
  await began;
  expect(await served.close({ timeoutMs: 20 })).toBe(false);
  expect(await call).toMatchObject({ code: "unavailable", message: "the server stops" });
  const rest = (async () => {
    for await (const _ of stream);
  })();
  expect(await rejection(rest)).toMatchObject({ code: "unavailable" });
  expect(cause()).toMatchObject({ code: "unavailable" });
  expect(await served.close()).toBe(false);
});

it("drainGrpc waits for the calls in hand and refuses the next", async () => {
  const { client, server, began, go } = await held();
  const call = client.square({ value: 3 }, background);
  await began;
  const drained = drainGrpc(server);
  go();
  expect((await call).value).toBe(9);
  expect(await drained).toBe(true);
  expect(await rejection(client.square({ value: 1 }, background))).toMatchObject({ code: "unavailable" });
});

it("drainGrpc cuts what is left when its time is over, and tells the handler", async () => {
  const { client, server, began, cause } = await held();
  const call = rejection(client.square({ value: 3 }, background));
  await began;
  expect(await drainGrpc(server, { timeoutMs: 20 })).toBe(false);
  expect(await call).toMatchObject({ code: "unavailable" });
  await expect.poll(cause, { timeout: 2_000 }).toMatchObject({ code: "canceled" });
});

it("disposing what is served closes it", async () => {
  const { client, served } = await held();
  await served[Symbol.asyncDispose]();
  expect(await rejection(client.square({ value: 1 }, background))).toMatchObject({ code: "unimplemented" });
});
