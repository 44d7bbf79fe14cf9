import { guardClient, perInstance } from "@kit/circuitbreaker";
import { background, KitError } from "@kit/endpoint";
import { balancedClient } from "@kit/lb";
import { fixedInstancer, type Instance } from "@kit/sd";
import { connectLocal, defineService, implement } from "@kit/service";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { gobreaker } from "../src/index.ts";

const Greeter = defineService("greeter", {
  greet: { request: z.string(), response: z.string(), idempotent: false },
});

describe("a breaker for each method", () => {
  it("is what implement takes as it is, and refuses one method while the others work", async () => {
    const Shop = defineService("shop", {
      price: { request: z.string(), response: z.number() },
      order: { request: z.string(), response: z.string() },
    });
    const handlers = {
      price: async () => Promise.reject(new Error("no prices today")),
      order: async (item: string) => `ordered ${item}`,
    };
    const { price, order } = implement(Shop, handlers, ({ name }) => gobreaker({ name, readyToTrip: () => true }));
    await expect(price("tea", background)).rejects.toThrow("no prices today");
    await expect(price("tea", background)).rejects.toMatchObject({ code: "unavailable" });
    await expect(order("tea", background)).resolves.toBe("ordered tea");
  });
});

describe("a breaker for each instance", () => {
  it("leaves alone the instance that fails, while the others answer every call", async () => {
    const calls: Record<string, number> = { sick: 0, well: 0 };
    await using instances = fixedInstancer([{ address: "sick" }, { address: "well" }]);
    const breakers = perInstance(({ address }: Instance) => gobreaker({ name: address }));
    await using greeter = balancedClient(Greeter, {
      instances,
      connect(instance) {
        const { address } = instance;
        const endpoints = implement(Greeter, {
          async greet(name) {
            calls[address]! += 1;
            if (address === "sick") throw new KitError("internal", "out of order");
            return `hello ${name}`;
          },
        });
        return guardClient(connectLocal(Greeter, endpoints), breakers(instance));
      },
    });

    const outcomes: string[] = [];
    for (let i = 0; i < 100; i += 1) {
      outcomes.push(
        await greeter.greet("Ada", background).then(
          () => "answered",
          (error: Error) => error.message,
        ),
      );
    }
    // Not idempotent, so what reached the sick one is not repeated; what its breaker refused goes to the other.
    expect(outcomes.filter((outcome) => outcome !== "answered")).toEqual(Array(6).fill("out of order"));
    expect(calls).toEqual({ sick: 6, well: 94 });
    expect(Object.fromEntries([...breakers].map(({ name, state }) => [name, state]))).toEqual({
      sick: "open",
      well: "closed",
    });
  });
});
