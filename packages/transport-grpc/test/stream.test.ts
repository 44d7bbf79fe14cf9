import { background, callInfo, codeOf, KitError } from "@kit/endpoint";
import type { EndpointsOf } from "@kit/service";
import { expect, it } from "vitest";
import { grpcService } from "../src/index.ts";
import { Numbers as NumbersDescriptor } from "./generated/suite_pb.ts";
import { latch, rejection, serving } from "./serving.ts";

const Numbers = grpcService(NumbersDescriptor);
type NumberEndpoints = EndpointsOf<typeof Numbers>;

async function* upTo(last: number, from = 1) {
  for (let value = from; value <= last; value++) yield { value };
}

const endpoints: NumberEndpoints = {
  square: async ({ value }) => ({ value: value * value }),
  count: async ({ value }) => upTo(value),
  async total(numbers) {
    let value = 0;
    for await (const number of numbers) value += number.value;
    return { value };
  },
  squares: async (numbers) =>
    (async function* () {
      for await (const { value } of numbers) yield { value: value * value };
    })(),
};

async function valuesOf(numbers: AsyncIterable<{ value: number }>): Promise<number[]> {
  const values: number[] = [];
  for await (const { value } of numbers) values.push(value);
  return values;
}

it("carries each of the four kinds of call", async () => {
  const { client } = await serving(Numbers, endpoints);
  expect((await client.square({ value: 7 }, background)).value).toBe(49);
  expect(await valuesOf(await client.count({ value: 5 }, background))).toEqual([1, 2, 3, 4, 5]);
  expect((await client.total(upTo(100), background)).value).toBe(5_050);
  expect(await valuesOf(await client.squares(upTo(4), background))).toEqual([1, 4, 9, 16]);
});

it("carries streams of no message at all", async () => {
  const { client } = await serving(Numbers, endpoints);
  expect(await valuesOf(await client.count({ value: 0 }, background))).toEqual([]);
  expect((await client.total(upTo(0), background)).value).toBe(0);
  expect(await valuesOf(await client.squares(upTo(0), background))).toEqual([]);
});

it("answers each message of a two-way stream before the next is asked for", async () => {
  const { client } = await serving(Numbers, endpoints);
  const log: string[] = [];
  let answered = latch();
  async function* asked() {
    for (const value of [1, 2, 3]) {
      log.push(`ask ${value}`);
      answered = latch();
      yield { value };
      await answered.reached;
    }
  }
  for await (const { value } of await client.squares(asked(), background)) {
    log.push(`answer ${value}`);
    answered.reach();
  }
  expect(log).toEqual(["ask 1", "answer 1", "ask 2", "answer 4", "ask 3", "answer 9"]);
});

it("keeps the promise of a stream when the endpoint has accepted it, before the first message", async () => {
  const first = latch();
  const { client } = await serving(Numbers, {
    ...endpoints,
    count: async () =>
      (async function* () {
        await first.reached;
        yield { value: 1 };
      })(),
  });
  const numbers = await client.count({ value: 1 }, background);
  first.reach();
  expect(await valuesOf(numbers)).toEqual([1]);
});

it("rejects the promise of a stream that the endpoint refuses", async () => {
  const { client } = await serving(Numbers, {
    ...endpoints,
    count: () => Promise.reject(new KitError("permission_denied", "not for you", { details: { who: "you" } })),
  });
  const error = await rejection(client.count({ value: 1 }, background));
  expect(error).toMatchObject({ code: "permission_denied", message: "not for you", details: { who: "you" } });
});

it("brings an error in the middle of a stream to its reader, behind what came before it", async () => {
  const heard: unknown[] = [];
  const { client } = await serving(
    Numbers,
    {
      ...endpoints,
      count: async () =>
        (async function* () {
          yield* upTo(3);
          throw new KitError("data_loss", "the rest is lost", { details: ["4"], retryAfterMs: 250 });
        })(),
      squares: async (numbers) =>
        (async function* () {
          for await (const { value } of numbers) yield { value };
          throw new Error("swordfish");
        })(),
    },
    { onError: (error) => heard.push(codeOf(error)) },
  );
  const values: number[] = [];
  const read = async (numbers: AsyncIterable<{ value: number }>) => {
    for await (const { value } of numbers) values.push(value);
  };
  expect(await rejection(read(await client.count({ value: 9 }, background)))).toMatchObject({
    code: "data_loss",
    message: "the rest is lost",
    details: ["4"],
    retryAfterMs: 250,
  });
  expect(values).toEqual([1, 2, 3]);
  const unknown = await rejection(read(await client.squares(upTo(2), background)));
  expect(unknown).toMatchObject({ code: "unknown", message: "internal error" });
  expect(heard).toEqual(["data_loss", "unknown"]);
});

it("ends the call with the error of its request's own stream", async () => {
  let began = latch();
  let ended = latch<Error>();
  const { client } = await serving(Numbers, {
    ...endpoints,
    total(numbers, ctx) {
      ctx.onCancel(ended.reach);
      began.reach();
      return endpoints.total(numbers, ctx);
    },
    squares(numbers, ctx) {
      ctx.onCancel(ended.reach);
      began.reach();
      return endpoints.squares(numbers, ctx);
    },
  });
  async function* broken() {
    yield { value: 1 };
    await began.reached;
    throw new RangeError("no more");
  }
  for (const call of [
    () => client.total(broken(), background),
    async () => valuesOf(await client.squares(broken(), background)),
  ]) {
    [began, ended] = [latch(), latch()];
    expect(await rejection(call())).toEqual(new RangeError("no more"));
    expect(codeOf(await ended.reached)).toBe("canceled");
  }
});

it("tells the server when its reader leaves", async () => {
  const returned = latch();
  const ended = latch<Error>();
  const { client } = await serving(Numbers, {
    ...endpoints,
    async count(_, ctx) {
      ctx.onCancel(ended.reach);
      return (async function* () {
        try {
          for (let value = 0; ; value++) yield { value };
        } finally {
          returned.reach();
        }
      })();
    },
  });
  for await (const { value } of await client.count({ value: 1 }, background)) if (value === 3) break;
  expect(codeOf(await ended.reached)).toBe("canceled");
  await returned.reached;
});

it("lets go of a stream that was never read, when it is left", async () => {
  const ended = latch<Error>();
  const { client } = await serving(Numbers, {
    ...endpoints,
    async count(_, ctx) {
      ctx.onCancel(ended.reach);
      return upTo(1_000_000);
    },
  });
  const numbers = await client.count({ value: 1 }, background);
  await numbers[Symbol.asyncIterator]().return?.();
  expect(codeOf(await ended.reached)).toBe("canceled");
});

it("stops asking for requests when the server has answered early", async () => {
  const left = latch();
  const { client } = await serving(Numbers, {
    ...endpoints,
    async total(numbers) {
      for await (const { value } of numbers) return { value };
      return { value: 0 };
    },
  });
  async function* endless() {
    try {
      for (let value = 7; ; value++) {
        yield { value };
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      left.reach();
    }
  }
  expect((await client.total(endless(), background)).value).toBe(7);
  await left.reached;
});

it("goes on answering when the endpoint has left the requests", async () => {
  const { client } = await serving(Numbers, {
    ...endpoints,
    squares: async (numbers) =>
      (async function* () {
        for await (const { value } of numbers) {
          yield { value };
          break;
        }
        yield* upTo(12, 10);
      })(),
  });
  const stop = latch();
  async function* one() {
    yield { value: 1 };
    await stop.reached;
  }
  expect(await valuesOf(await client.squares(one(), background))).toEqual([1, 10, 11, 12]);
  stop.reach();
});

const padding = new Uint8Array(65_536);

it("produces no further ahead of its reader than buffers hold", { timeout: 30_000 }, async () => {
  let produced = 0;
  const { client } = await serving(Numbers, {
    ...endpoints,
    count: async () =>
      (async function* () {
        for (let value = 0; value < 300; value++) {
          produced++;
          yield { value, padding };
        }
      })(),
  });
  const numbers = (await client.count({ value: 1 }, background))[Symbol.asyncIterator]();
  await numbers.next();
  await settled(() => produced);
  expect(produced).toBeLessThan(100);
  let read = 1;
  while (!(await numbers.next()).done) read++;
  expect(read).toBe(300);
});

it("takes requests no further ahead of the endpoint than buffers hold", { timeout: 30_000 }, async () => {
  let taken = 0;
  const go = latch();
  const { client } = await serving(Numbers, {
    ...endpoints,
    async total(numbers) {
      await go.reached;
      let value = 0;
      for await (const _ of numbers) value++;
      return { value };
    },
  });
  async function* padded() {
    for (let value = 0; value < 300; value++) {
      taken++;
      yield { value, padding };
    }
  }
  const total = client.total(padded(), background);
  await settled(() => taken);
  expect(taken).toBeLessThan(100);
  go.reach();
  expect((await total).value).toBe(300);
});

/** Until a number has stopped growing. */
async function settled(number: () => number): Promise<void> {
  for (let same = 0, last = -1; same < 20;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    same = number() === last && last > 0 ? same + 1 : 0;
    last = number();
  }
}

it("ends a stream at its caller's deadline, on both sides", async () => {
  const ended = latch<Error>();
  const { client } = await serving(Numbers, {
    ...endpoints,
    async count(_, ctx) {
      ctx.onCancel(ended.reach);
      return (async function* () {
        yield { value: 1 };
        await new Promise(() => {});
      })();
    },
  });
  using ctx = background.withTimeout(200);
  const error = await rejection(valuesOf(await client.count({ value: 1 }, ctx)));
  expect(codeOf(error)).toBe("deadline_exceeded");
  expect(["deadline_exceeded", "canceled"]).toContain(codeOf(await ended.reached));
});

it("ends a stream with the reason that its caller cancels for, whichever side is silent", async () => {
  const { client } = await serving(Numbers, {
    ...endpoints,
    count: async () => silence(),
    total: () => new Promise(() => {}),
  });
  const reason = new KitError("aborted", "not wanted");
  const reading = background.withCancel();
  const read = rejection(valuesOf(await client.count({ value: 1 }, reading)));
  reading.cancel(reason);
  expect(await read).toBe(reason);
  const writing = background.withCancel();
  const written = rejection(client.total(silence(), writing));
  writing.cancel(reason);
  expect(await written).toBe(reason);
});

async function* silence(): AsyncGenerator<{ value: number }> {
  await new Promise(() => {});
  yield { value: 0 };
}

it("holds the whole of a stream to the method's own time, and to the server's longest", async () => {
  const Timed = grpcService(NumbersDescriptor, { count: { timeoutMs: 100 } });
  const slow: NumberEndpoints = { ...endpoints, count: async () => silence(), squares: async () => silence() };
  const { client } = await serving(Timed, slow, { maxStreamMs: 150 });
  expect(codeOf(await rejection(valuesOf(await client.count({ value: 1 }, background))))).toBe("deadline_exceeded");
  const squares = client.squares(upTo(1), background).then(valuesOf);
  expect(codeOf(await rejection(squares))).toBe("deadline_exceeded");
});

it("ends the streams in hand when its client is disposed", async () => {
  const { client } = await serving(Numbers, { ...endpoints, count: async () => silence() });
  const numbers = rejection(valuesOf(await client.count({ value: 1 }, background)));
  const total = rejection(client.total(silence(), background));
  await client[Symbol.asyncDispose]();
  expect(codeOf(await numbers)).toBe("unavailable");
  expect(codeOf(await total)).toBe("unavailable");
  expect(await rejection(client.count({ value: 1 }, background))).toMatchObject({ code: "unavailable", notSent: true });
});

it("fails a stream whose message cannot be said or understood, and goes on", async () => {
  const wrong: any = { value: "seven" };
  const { client } = await serving(Numbers, {
    ...endpoints,
    count: async () =>
      (async function* () {
        yield { value: 1 };
        yield wrong;
      })(),
  });
  expect(codeOf(await rejection(valuesOf(await client.count({ value: 1 }, background))))).toBe("internal");
  async function* requests() {
    yield wrong;
  }
  expect(codeOf(await rejection(client.total(requests(), background)))).toBe("invalid_argument");
  expect((await client.square({ value: 2 }, background)).value).toBe(4);
});

it("tells a streaming endpoint which call it is, and who calls", async () => {
  const seen: unknown[] = [];
  const { client } = await serving(Numbers, {
    ...endpoints,
    async count({ value }, ctx) {
      const { service, method, transport, peer } = ctx.get(callInfo)!;
      seen.push(service, method, transport, peer);
      return upTo(value);
    },
  });
  await valuesOf(await client.count({ value: 1 }, background));
  expect(seen).toEqual(["kit.test.Numbers", "count", "grpc", expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
});
