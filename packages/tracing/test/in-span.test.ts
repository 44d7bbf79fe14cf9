import { background, type Context } from "@kit/endpoint";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { inSpan } from "../src/index.ts";
import { toldSpan } from "./told-span.ts";

const fault = new Error("fault");
const broken = (): never => {
  throw fault;
};
const never = (): Promise<never> => new Promise(() => {});

describe("inSpan", () => {
  it("tells of a success, and hands on the response", async () => {
    const span = toldSpan();
    const response = { v: 1 };
    expect(await inSpan(span, background, async () => response)).toBe(response);
    expect(span.told).toEqual([["success", undefined], ["finish"]]);
  });

  it("tells of a failure, and hands on the error", async () => {
    const span = toldSpan();
    await expect(inSpan(span, background, () => Promise.reject(fault))).rejects.toBe(fault);
    expect(span.told).toEqual([["failure", fault], ["finish"]]);
  });

  it("tells of an endpoint that throws before it has a promise", () => {
    const span = toldSpan();
    expect(() => inSpan(span, background, broken)).toThrow(fault);
    expect(span.told).toEqual([["failure", fault], ["finish"]]);
  });

  it.for([
    ["business failure", () => fault],
    ["failed that throws", broken],
  ] as const)("tells of a response with a %s", async ([, failed]) => {
    const span = toldSpan();
    const response = { failed };
    expect(await inSpan(span, background, async () => response)).toBe(response);
    expect(span.told).toEqual([["success", fault], ["finish"]]);
  });

  it("ends the span with the context, also where the endpoint goes on for ever", () => {
    using ctx = background.withCancel();
    const span = toldSpan();
    void inSpan(span, ctx, never);
    expect(span.told).toEqual([]);
    ctx.cancel(fault);
    expect(span.told).toEqual([["failure", fault], ["finish"]]);
  });

  it("ends the span at once where the context is over, and calls all the same", async () => {
    using ctx = background.withCancel();
    ctx.cancel(fault);
    const span = toldSpan();
    expect(await inSpan(span, ctx, async () => span.told.length)).toBe(2);
    expect(span.told).toEqual([["failure", fault], ["finish"]]);
  });

  it("tells of the first end alone", async () => {
    using ctx = background.withCancel();
    const span = toldSpan();
    await inSpan(span, ctx, async () => ctx.cancel(fault));
    await expect(inSpan(span, ctx, () => Promise.reject(new Error("late")))).rejects.toThrow("late");
    expect(span.told).toEqual([["failure", fault], ["finish"], ["failure", fault], ["finish"]]);
  });

  it("lets go of the context when the call is over", async () => {
    let listening = 0;
    const ctx: Context = Object.create(background, {
      onCancel: { value: () => (listening++, () => void listening--) },
    });
    await inSpan(toldSpan(), ctx, async () => 1);
    await inSpan(toldSpan(), ctx, () => Promise.reject(fault)).catch(() => {});
    expect(listening).toBe(0);
  });

  it("fails no call for what goes wrong with the span", async () => {
    const span = toldSpan({ tellSuccess: broken, tellFailure: broken, finish: broken });
    expect(await inSpan(span, background, async () => 1)).toBe(1);
    await expect(inSpan(span, background, () => Promise.reject(new Error("own")))).rejects.toThrow("own");
    const both = [
      ["a call's outcome cannot be told", fault],
      ["a span cannot be ended", fault],
    ];
    expect(span.told).toEqual([...both, ...both]);
    const deaf = toldSpan({ tellSuccess: broken, finish: broken, report: broken });
    expect(await inSpan(deaf, background, async () => 1)).toBe(1);
  });
});

describe("inSpan, of a stream", () => {
  async function* numbers(fail?: Error): AsyncGenerator<number> {
    yield 1;
    yield 2;
    if (fail !== undefined) throw fail;
  }

  async function gather(stream: AsyncIterable<number>): Promise<number[]> {
    const read: number[] = [];
    for await (const number of stream) read.push(number);
    return read;
  }

  it("lasts until the stream is read to its end", async () => {
    const span = toldSpan();
    const read: number[] = [];
    for await (const number of await inSpan(span, background, async () => numbers())) {
      expect(span.told).toEqual([]);
      read.push(number);
    }
    expect([read, span.told]).toEqual([
      [1, 2],
      [["success", undefined], ["finish"]],
    ]);
  });

  it("ends when the reader leaves, and lets the source go", async () => {
    let left = false;
    async function* endless() {
      try {
        for (;;) yield 1;
      } finally {
        left = true;
      }
    }
    const span = toldSpan();
    for await (const _ of await inSpan(span, background, async () => endless())) break;
    expect([left, span.told]).toEqual([true, [["success", undefined], ["finish"]]]);
  });

  it("ends when the reader leaves a source that cannot be let go", async () => {
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }) }),
    };
    const span = toldSpan();
    for await (const _ of await inSpan(span, background, async () => source)) break;
    expect(span.told).toEqual([["success", undefined], ["finish"]]);
  });

  it("fails when the stream does", async () => {
    const span = toldSpan();
    const stream = await inSpan(span, background, async () => numbers(fault));
    await expect(gather(stream)).rejects.toBe(fault);
    expect(span.told).toEqual([["failure", fault], ["finish"]]);
  });

  it("ends with the context where nobody reads, and can still be read", async () => {
    using ctx = background.withCancel();
    const span = toldSpan();
    const stream = await inSpan(span, ctx, async () => numbers());
    ctx.cancel(fault);
    expect(span.told).toEqual([["failure", fault], ["finish"]]);
    expect(await gather(stream)).toEqual([1, 2]);
    expect(span.told.length).toBe(2);
  });

  it("takes its steps in what the span binds", async () => {
    let bound = false;
    const bind = <Step extends (...sent: any[]) => unknown>(step: Step): Step =>
      ((...sent) => {
        bound = true;
        const result = step(...sent);
        bound = false;
        return result;
      }) as Step;
    const seen: boolean[] = [];
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => (seen.push(bound), { done: false, value: 1 }),
        return: async () => (seen.push(bound), { done: true, value: undefined }),
      }),
    };
    for await (const _ of await inSpan(toldSpan({ bind }), background, async () => source)) break;
    expect(seen).toEqual([true, true]);
  });

  it("leaves the platform's streams as they are, and ends when it has them", async () => {
    for (const stream of [Readable.from(["a"]), new Blob(["a"]).stream()]) {
      const span = toldSpan();
      expect(await inSpan(span, background, async () => stream)).toBe(stream);
      expect(span.told).toEqual([["success", undefined], ["finish"]]);
    }
  });

  it("leaves one alone that cannot be opened", async () => {
    const stream = { [Symbol.asyncIterator]: broken };
    const span = toldSpan();
    expect(await inSpan(span, background, async () => stream)).toBe(stream);
    expect(span.told).toEqual([["a stream cannot be watched", fault], ["success", undefined], ["finish"]]);
  });
});
