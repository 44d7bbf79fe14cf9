import { type AnyMiddleware, background, contextKey } from "@kit/endpoint";
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { defineService, type EndpointsOf, implement, type Method } from "../src/index.ts";

const Words = defineService("words", {
  upper: { request: z.string(), response: z.string(), idempotent: true },
  count: { request: z.string(), response: z.number(), timeoutMs: 250 },
});

const upper = async (word: string): Promise<string> => word.toUpperCase();
const count = async (word: string): Promise<number> => word.length;
const through: AnyMiddleware = (next) => next;

describe("implement", () => {
  it("takes an object of functions", async () => {
    const endpoints = implement(Words, { upper, count });
    await expect(endpoints.upper("a", background)).resolves.toBe("A");
    await expect(endpoints.count("abc", background)).resolves.toBe(3);
  });

  it("takes an instance of a class, whose methods keep their this", async () => {
    class Dictionary {
      readonly #known = new Map([["ada", "ADA"]]);
      lookups = 0;

      async upper(word: string): Promise<string> {
        this.lookups += 1;
        return this.#known.get(word) ?? "?";
      }

      async count(): Promise<number> {
        return this.lookups;
      }
    }
    const { upper: detached, count: lookups } = implement(Words, new Dictionary());
    await expect(detached("ada", background)).resolves.toBe("ADA");
    await expect(lookups("", background)).resolves.toBe(1);
  });

  it("gives the function the request and the context as they came", async () => {
    const handler = vi.fn<typeof upper>(upper);
    const ctx = background.with(contextKey("@test/implement"), 1);
    await implement(Words, { upper: handler, count }).upper("a", ctx);
    expect(handler.mock.calls).toEqual([["a", ctx]]);
    expect(handler.mock.calls[0]).toHaveProperty([1], ctx);
  });

  it("hands on the function's own promise, which costs no turn of the loop", () => {
    const answer = Promise.resolve("A");
    expect(implement(Words, { upper: () => answer, count }).upper("a", background)).toBe(answer);
  });

  it("rejects where a function throws before it has a promise", async () => {
    const error = new Error("no promise yet");
    const endpoints = implement(Words, {
      upper: () => {
        throw error;
      },
      count,
    });
    await expect(endpoints.upper("a", background)).rejects.toBe(error);
  });

  it("has the service's methods as its members, in their order, and nothing else", () => {
    const handlers = { count, upper, close: async () => "closed" };
    expect(Object.keys(implement(Words, handlers))).toEqual(["upper", "count"]);
  });

  it.each([undefined, null, "upper", {}])("refuses %j for a function", (missing) => {
    const handlers = { upper: missing, count } as unknown as EndpointsOf<typeof Words>;
    expect(() => implement(Words, handlers)).toThrow(new TypeError("implement: words.upper has no implementation"));
  });

  it("refuses a misspelt function", () => {
    const handlers = { uper: upper, count } as unknown as EndpointsOf<typeof Words>;
    expect(() => implement(Words, handlers)).toThrow(new TypeError("implement: words.upper has no implementation"));
  });

  describe("with wrap", () => {
    it("asks once a method for its middleware, with the method's description", async () => {
      const wrap = vi.fn<(method: Method) => AnyMiddleware>(() => through);
      const endpoints = implement(Words, { upper, count }, wrap);
      expect(wrap.mock.calls).toEqual([[Words.methods.upper], [Words.methods.count]]);
      await endpoints.upper("a", background);
      await endpoints.upper("b", background);
      expect(wrap).toHaveBeenCalledTimes(2);
    });

    it("puts the middleware around the function", async () => {
      const seen: unknown[] = [];
      const wrap =
        ({ service, name, idempotent }: Method): AnyMiddleware =>
        (next) =>
        (request, ctx) => {
          seen.push([service, name, idempotent, request]);
          return next(request, ctx).then((response) => {
            seen.push(response);
            return response;
          });
        };
      const endpoints = implement(Words, { upper, count }, wrap);
      await endpoints.upper("a", background);
      await endpoints.count("abc", background);
      expect(seen).toEqual([["words", "upper", true, "a"], "A", ["words", "count", false, "abc"], 3]);
    });

    it("shows the middleware a rejection where the function throws", async () => {
      const error = new Error("no promise yet");
      const caught = vi.fn<(error: unknown) => void>();
      const endpoints = implement(
        Words,
        {
          upper: () => {
            throw error;
          },
          count,
        },
        (): AnyMiddleware => (next) => (request, ctx) => {
          const answer = next(request, ctx);
          answer.catch(caught);
          return answer;
        },
      );
      await expect(endpoints.upper("a", background)).rejects.toBe(error);
      expect(caught.mock.calls).toEqual([[error]]);
    });

    it("lets the middleware answer without the function", async () => {
      const handler = vi.fn<typeof upper>(upper);
      const refused = new Error("refused");
      const endpoints = implement(Words, { upper: handler, count }, () => () => () => Promise.reject(refused));
      await expect(endpoints.upper("a", background)).rejects.toBe(refused);
      expect(handler).not.toHaveBeenCalled();
    });

    it("fails at construction where wrap does", () => {
      const error = new TypeError("logged: level must be one of …");
      const wrap = (): AnyMiddleware => {
        throw error;
      };
      expect(() => implement(Words, { upper, count }, wrap)).toThrow(error);
    });
  });
});
