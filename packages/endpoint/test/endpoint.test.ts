import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type AnyMiddleware,
  background,
  chain,
  type Context,
  type Endpoint,
  failureOf,
  type Middleware,
} from "../src/index.ts";

interface Sum {
  a: number;
  b: number;
}

const sum: Endpoint<Sum, number> = async ({ a, b }) => a + b;
const through: AnyMiddleware = (next) => (request, ctx) => next(request, ctx);

describe("chain", () => {
  const seen: string[] = [];
  const annotate =
    (name: string): AnyMiddleware =>
    (next) =>
    async (request, ctx) => {
      seen.push(`${name} pre`);
      const response = await next(request, ctx);
      seen.push(`${name} post`);
      return response;
    };

  it("hands the request from first to last and the response back, as go-kit's ExampleChain", async () => {
    seen.length = 0;
    const endpoint = chain(
      annotate("first"),
      annotate("second"),
      annotate("third"),
    )(async () => {
      seen.push("my endpoint!");
    });
    await endpoint({}, background);
    expect(seen).toEqual([
      "first pre",
      "second pre",
      "third pre",
      "my endpoint!",
      "third post",
      "second post",
      "first post",
    ]);
  });

  it("applies each middleware once for each endpoint, not for each call", async () => {
    let applied = 0;
    const counting: AnyMiddleware = (next) => {
      applied += 1;
      return next;
    };
    const wrap = chain(counting, counting);
    const endpoint = wrap(async (n: number) => n);
    await endpoint(1, background);
    await endpoint(2, background);
    expect(applied).toBe(2);
    wrap(endpoint);
    expect(applied).toBe(4);
  });

  it("is the middleware itself when there is one", () => {
    expect(chain(() => sum)(async () => 0)).toBe(sum);
  });

  it("adds nothing between the caller and the outermost layer", () => {
    const promise = Promise.resolve("the same promise");
    const endpoint = chain(through, through)(() => promise);
    expect(endpoint({}, background)).toBe(promise);
  });

  it("lets a middleware answer in the endpoint's place, and a failure pass as it is", async () => {
    const failure = new Error("refused");
    const refuse: Middleware = () => () => Promise.reject(failure);
    const endpoint = chain(annotate("outer"), refuse)(async () => "never");
    await expect(endpoint({}, background)).rejects.toBe(failure);
  });

  it("keeps the list it was given, whatever happens to the caller's array", async () => {
    const list = [annotate("inner")];
    const wrap = chain(annotate("outer"), ...list);
    list.length = 0;
    seen.length = 0;
    await wrap(async () => {})({}, background);
    expect(seen).toEqual(["outer pre", "inner pre", "inner post", "outer post"]);
  });

  it("keeps the types of what it wraps", () => {
    const typed: Middleware<Sum, number> = through;
    const other: Middleware<string, number> = through;

    expectTypeOf(chain(through)).toEqualTypeOf<AnyMiddleware>();
    expectTypeOf(chain(through, through, through)).toEqualTypeOf<AnyMiddleware>();
    expectTypeOf(chain(through, through)(sum)).toEqualTypeOf<Endpoint<Sum, number>>();
    expectTypeOf(chain(typed)).toEqualTypeOf<Middleware<Sum, number>>();
    expectTypeOf(chain(typed, typed)(sum)).toEqualTypeOf<Endpoint<Sum, number>>();
    expectTypeOf(chain(through, typed)).toEqualTypeOf<Middleware<Sum, number>>();
    expectTypeOf(chain(typed, through)).toEqualTypeOf<Middleware<Sum, number>>();
    expectTypeOf(chain(through, typed, through)(sum)).toEqualTypeOf<Endpoint<Sum, number>>();
    // @ts-expect-error two typed middlewares of different requests do not compose
    void (() => chain(typed, other));
    // @ts-expect-error a typed middleware does not fit another endpoint
    void (() => chain(through, other)(sum));
    // @ts-expect-error there is nothing to chain
    void (() => chain());
  });
});

const count: Endpoint<number, AsyncIterable<number>> = async (to) =>
  (async function* () {
    for (let i = 1; i <= to; i += 1) yield i;
  })();

const total: Endpoint<AsyncIterable<number>, number> = async (numbers) => {
  let sumOfAll = 0;
  for await (const number of numbers) sumOfAll += number;
  return sumOfAll;
};

describe("Endpoint", () => {
  it("is any async function of a request, and needs a context to be called", () => {
    expectTypeOf(sum).parameters.toEqualTypeOf<[Sum, Context]>();
    expectTypeOf(sum).returns.toEqualTypeOf<Promise<number>>();
    // @ts-expect-error a deadline must not be forgotten on the way
    void (() => sum({ a: 1, b: 2 }));
  });

  it("streams without a second concept, and middleware composes over streams unchanged", async () => {
    const counted = chain(through, through)(count);
    expectTypeOf(counted).toEqualTypeOf(count);
    expect(await through(total)(await counted(4, background), background)).toBe(10);
  });
});

describe("failureOf", () => {
  it("finds the business failure that a response carries", () => {
    const failure = new Error("can't sum two zeroes");
    expect(failureOf({ v: 0, failed: () => failure })).toBe(failure);
  });

  it("asks the response as its own method", () => {
    class Response {
      readonly error = new Error("integer overflow");
      failed(): Error {
        return this.error;
      }
    }
    expect(failureOf(new Response())?.message).toBe("integer overflow");
  });

  it.each([
    ["a response that did not fail", { failed: () => undefined }],
    ["a response without the method", { v: 3 }],
    ["a field of that name", { failed: true }],
    ["null", null],
    ["nothing", undefined],
    ["a string", "failed"],
    ["a number", 0],
  ])("finds none in %s", (_, response) => {
    expect(failureOf(response)).toBeUndefined();
  });
});
