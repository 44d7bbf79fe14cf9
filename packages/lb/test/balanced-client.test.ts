import { background, codeOf, type Context, type Endpoint, KitError } from "@kit/endpoint";
import { type Instance, type InstanceCache, instanceCache } from "@kit/sd";
import { type ClientOf, defineService } from "@kit/service";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import {
  attempt,
  type Balancer,
  balancedClient,
  type BalancedClientOptions,
  isRetryError,
  random,
  roundRobin,
} from "../src/index.ts";

/** A Standard Schema that takes everything for a `T`. */
interface Anything<T> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: "test";
    readonly validate: (value: unknown) => { readonly value: T };
    readonly types?: { readonly input: T; readonly output: T };
  };
}

function anything<T>(): Anything<T> {
  return { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: value as T }) } };
}

const Shop = defineService("shop", {
  find: { request: anything<{ id: number }>(), response: anything<string>(), idempotent: true },
  buy: { request: anything<{ id: number }>(), response: anything<string>() },
  wait: { request: anything<object>(), response: anything<string>(), timeoutMs: 50 },
});

type Shop = typeof Shop;

/** Connections to instances that answer as the test says. */
class Network {
  readonly opened: string[] = [];
  readonly closed: string[] = [];
  readonly calls: string[] = [];
  /** What an instance does with a call; by default it answers with its address. */
  readonly serve = new Map<string, Endpoint>();

  readonly connect = (instance: Instance): ClientOf<Shop> => {
    const { address } = instance;
    this.opened.push(address);
    const method =
      (name: string): Endpoint =>
      (request, ctx) => {
        this.calls.push(`${name} ${address}`);
        return (this.serve.get(address) ?? (async () => address))(request, ctx);
      };
    return {
      find: method("find"),
      buy: method("buy"),
      wait: method("wait"),
      [Symbol.asyncDispose]: async () => void this.closed.push(address),
    };
  };
}

function failing(error: unknown): Endpoint {
  return async () => {
    throw error;
  };
}

const hanging: Endpoint = (_, ctx) =>
  new Promise((_resolve, reject) => {
    ctx.onCancel(reject);
  });

const down = new KitError("unavailable", "going down");
const refused = new KitError("unavailable", "connection refused", { notSent: true });

let network: Network;
let instances: InstanceCache;

beforeEach(() => {
  vi.useFakeTimers();
  network = new Network();
  instances = instanceCache();
});
afterEach(() => void vi.useRealTimers());

function list(...addresses: string[]): void {
  instances.update(addresses.map((address) => ({ address })));
}

function shop(options: Partial<BalancedClientOptions<Shop>> = {}): ClientOf<Shop> {
  return balancedClient(Shop, { instances, connect: network.connect, ...options });
}

async function rejectionOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (response) => expect.unreachable(`answered ${String(response)}`),
    (error: unknown) => error,
  );
}

describe("connections", () => {
  it("are one for each instance, which all methods share", async () => {
    list("a:1", "b:1");
    const client = shop();
    const answers = [await client.find({ id: 1 }, background), await client.buy({ id: 1 }, background)];
    answers.push(await client.find({ id: 1 }, background));
    expect(answers).toEqual(["a:1", "b:1", "a:1"]);
    expect(network.opened).toEqual(["a:1", "b:1"]);
  });

  it("follow the instances", async () => {
    list("a:1");
    const client = shop();
    list("b:1", "c:1");
    const answers = [await client.find({ id: 1 }, background), await client.find({ id: 1 }, background)];
    expect(answers).toEqual(["b:1", "c:1"]);
    expect(network.closed).toEqual(["a:1"]);
  });

  it("are closed when the last call under way has ended, once the instance has gone", async () => {
    const finish: ((response: string) => void)[] = [];
    network.serve.set("a:1", () => new Promise((resolve) => finish.push(resolve)));
    list("a:1", "b:1");
    const client = shop({ balancer: firstOf });
    const calls = [client.find({ id: 1 }, background), client.buy({ id: 1 }, background)];
    list("b:1");
    finish[0]!("found");
    await vi.advanceTimersByTimeAsync(0);
    expect(network.closed).toEqual([]);
    finish[1]!("bought");
    expect(await Promise.all(calls)).toEqual(["found", "bought"]);
    await vi.advanceTimersByTimeAsync(0);
    expect(network.closed).toEqual(["a:1"]);
  });

  it("are all closed when the client is disposed, with calls under way or without, once", async () => {
    network.serve.set("b:1", hanging);
    list("a:1", "b:1", "c:1");
    const client = shop();
    await client.find({ id: 1 }, background);
    const ctx = background.withCancel();
    const call = client.find({ id: 1 }, ctx);
    list("a:1", "c:1");
    expect(network.closed).toEqual([]);
    await Promise.all([client[Symbol.asyncDispose](), client[Symbol.asyncDispose]()]);
    expect(network.closed.toSorted()).toEqual(["a:1", "b:1", "c:1"]);
    ctx.cancel();
    await expect(call).rejects.toMatchObject({ code: "canceled" });
  });

  it("that fail are told of, with the instance, and tried again", async () => {
    const onError = vi.fn<(error: unknown, instance?: Instance) => void>();
    const bad = new Error("bad address");
    let broken = true;
    const connect = (instance: Instance): ClientOf<Shop> => {
      if (broken && instance.address === "a:1") throw bad;
      return network.connect(instance);
    };
    list("a:1", "b:1");
    await using client = shop({ connect, onError });
    expect(onError).toHaveBeenCalledWith(bad, expect.objectContaining({ address: "a:1" }));
    broken = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect([await client.find({ id: 1 }, background), await client.find({ id: 1 }, background)]).toEqual([
      "a:1",
      "b:1",
    ]);
  });

  it("are given up when discovery has failed for too long, whose error the calls then fail with", async () => {
    const error = new KitError("unavailable", "the registry is down");
    const onError = vi.fn<(error: unknown, instance?: Instance) => void>();
    list("a:1");
    const client = shop({ invalidateOnErrorMs: 1_000, onError });
    instances.fail(error);
    expect(onError.mock.calls[0]?.[0]).toBe(error);
    await expect(client.buy({ id: 1 }, background)).resolves.toBe("a:1");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await rejectionOf(client.buy({ id: 1 }, background))).toBe(error);
    expect(network.closed).toEqual(["a:1"]);
  });
});

describe("a client that lives on", () => {
  it("lets go of an instance that has gone and finished its calls", async () => {
    const made: WeakRef<object>[] = [];
    const client = shop({
      connect(instance) {
        const connection = network.connect(instance);
        made.push(new WeakRef(connection));
        return connection;
      },
    });
    const ctx = background.withCancel();
    network.serve.set("a:1", hanging);
    list("a:1");
    const call = client.find({ id: 1 }, ctx);
    list("b:1");
    ctx.cancel();
    await expect(call).rejects.toMatchObject({ code: "canceled" });
    expect(await collected(made[0])).toBe(true);
    expect(await collected(made[1])).toBe(false);
  });

  it("lets go of the context of a call that waited for the first list", async () => {
    let held: WeakRef<object> | undefined;
    network.serve.set("a:1", async (_, ctx: Context) => {
      held = new WeakRef(ctx);
    });
    const client = shop();
    const call = client.find({ id: 1 }, background);
    list("a:1");
    await call;
    expect(await collected(held)).toBe(true);
    await client[Symbol.asyncDispose]();
  });
});

/** Whether nothing holds on to it any more. */
async function collected(held: WeakRef<object> | undefined): Promise<boolean> {
  vi.useRealTimers();
  setFlagsFromString("--expose-gc");
  await new Promise((resolve) => void setImmediate(resolve));
  (runInNewContext("gc") as () => void)();
  return held?.deref() === undefined;
}

/** Picks the first, so that a test knows which. */
function firstOf<T>(endpointer: { endpoints(): readonly T[] }): Balancer<T> {
  return { pick: () => endpointer.endpoints()[0]! };
}

describe("a call before discovery knows anything", () => {
  it("waits for the first list", async () => {
    const call = shop().find({ id: 1 }, background);
    await vi.advanceTimersByTimeAsync(100);
    list("a:1");
    await expect(call).resolves.toBe("a:1");
  });

  it("waits while discovery fails, too", async () => {
    const client = shop();
    instances.fail(new KitError("unavailable", "the registry is down"));
    const call = client.find({ id: 1 }, background);
    await vi.advanceTimersByTimeAsync(100);
    list("a:1");
    await expect(call).resolves.toBe("a:1");
  });

  it("fails with discovery's error at its deadline, and leaves nothing behind", async () => {
    const error = new KitError("unavailable", "the registry is down");
    const call = rejectionOf(shop().find({ id: 1 }, background.withTimeout(100)));
    instances.fail(error);
    await vi.advanceTimersByTimeAsync(100);
    expect(await call).toBe(error);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("fails with its context's own error when discovery was silent", async () => {
    const ctx = background.withTimeout(100);
    const call = rejectionOf(shop().find({ id: 1 }, ctx));
    await vi.advanceTimersByTimeAsync(100);
    expect(await call).toBe(ctx.cancelled);
  });

  it("waits no longer than timeoutMs, and has only the rest of it to be served", async () => {
    network.serve.set("a:1", hanging);
    const client = shop({ retry: { timeoutMs: 100 } });
    const silent = rejectionOf(client.find({ id: 1 }, background));
    await vi.advanceTimersByTimeAsync(100);
    expect(await silent).toMatchObject({ code: "deadline_exceeded" });
    const slow = rejectionOf(client.find({ id: 1 }, background));
    await vi.advanceTimersByTimeAsync(60);
    list("a:1");
    await vi.advanceTimersByTimeAsync(40);
    expect(await slow).toMatchObject({ code: "deadline_exceeded" });
  });

  it("fails when the client is disposed", async () => {
    const client = shop();
    const call = rejectionOf(client.find({ id: 1 }, background));
    await client[Symbol.asyncDispose]();
    expect(await call).toMatchObject({ code: "unavailable", message: "shop: the client is closed" });
  });

  it("is told at once that an empty list is empty", async () => {
    list();
    expect(await rejectionOf(shop().find({ id: 1 }, background))).toMatchObject({
      code: "unavailable",
      message: "no endpoints available (previously: no endpoints available; no endpoints available)",
      notSent: true,
    });
  });
});

describe("an idempotent method", () => {
  it("is tried again on another instance when one is unavailable, at most three times in all", async () => {
    for (const address of ["a:1", "b:1", "c:1", "d:1"]) network.serve.set(address, failing(down));
    list("a:1", "b:1", "c:1", "d:1");
    const error = await rejectionOf(shop().find({ id: 1 }, background));
    expect(isRetryError(error) && error.errors).toEqual([down, down, down]);
    expect(network.calls).toEqual(["find a:1", "find b:1", "find c:1"]);
  });

  it("tells the instance which attempt it is", async () => {
    const seen: unknown[] = [];
    network.serve.set("a:1", failing(down));
    network.serve.set("b:1", async (_, ctx: Context) => seen.push(ctx.get(attempt)));
    list("a:1", "b:1");
    await shop().find({ id: 1 }, background);
    expect(seen).toEqual([2]);
  });

  it.each(["not_found", "resource_exhausted", "aborted", "internal", "deadline_exceeded"] as const)(
    "is not tried again on %s, and the error is the one that came",
    async (code) => {
      const answer = new KitError(code, "the answer");
      network.serve.set("a:1", failing(answer));
      list("a:1", "b:1");
      expect(await rejectionOf(shop().find({ id: 1 }, background))).toBe(answer);
    },
  );

  it("is not tried again on an error without a code", async () => {
    const bug = new TypeError("undefined is not a function");
    network.serve.set("a:1", failing(bug));
    list("a:1", "b:1");
    expect(await rejectionOf(shop().find({ id: 1 }, background))).toBe(bug);
  });

  it("is tried again on what the options say instead", async () => {
    network.serve.set("a:1", failing(new KitError("aborted", "conflict")));
    network.serve.set("b:1", failing(down));
    list("a:1", "b:1");
    const client = shop({ retry: { retryable: (error) => codeOf(error) === "aborted" } });
    expect(await rejectionOf(client.find({ id: 1 }, background))).toBe(down);
  });
});

describe("any other method", () => {
  it("is not tried again once it may have run, whatever the options say", async () => {
    network.serve.set("a:1", failing(down));
    list("a:1", "b:1");
    expect(await rejectionOf(shop({ retry: { retryable: () => true } }).buy({ id: 1 }, background))).toBe(down);
    expect(network.calls).toEqual(["buy a:1"]);
  });

  it("is tried again as long as it was never sent", async () => {
    network.serve.set("a:1", failing(refused));
    list("a:1", "b:1");
    await expect(shop().buy({ id: 1 }, background)).resolves.toBe("b:1");
  });
});

describe("the options", () => {
  it("retry: attempts and backoff are the retry's", async () => {
    network.serve.set("a:1", failing(down));
    list("a:1");
    const call = rejectionOf(shop({ retry: { attempts: 2, backoff: () => 100 } }).find({ id: 1 }, background));
    await vi.advanceTimersByTimeAsync(99);
    expect(network.calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await call;
    expect(network.calls).toHaveLength(2);
  });

  it.each([
    [undefined, 50],
    [20, 20],
    [80, 50],
  ])("retry.timeoutMs %s and a method's own 50 make %s", async (timeoutMs, effective) => {
    const seen: (number | undefined)[] = [];
    network.serve.set("a:1", async (_, ctx: Context) => seen.push(ctx.deadline));
    list("a:1");
    await shop({ retry: timeoutMs === undefined ? {} : { timeoutMs } }).wait({}, background);
    expect(seen).toEqual([Date.now() + effective]);
  });

  it("balancer: is asked for each attempt, with the request and the call's context", async () => {
    const tenant = { id: 7 };
    const pick = vi.fn<(ctx?: Context, request?: unknown) => void>();
    network.serve.set("a:1", failing(down));
    list("a:1", "b:1");
    const client = shop({
      balancer: (endpointer) => {
        const inner = roundRobin(endpointer);
        return {
          pick(ctx, request) {
            pick(ctx, request);
            return inner.pick();
          },
        };
      },
    });
    await client.find(tenant, background);
    expect(pick.mock.calls).toEqual([
      [background, tenant],
      [background, tenant],
    ]);
  });

  it("balancer: any of this package will do", async () => {
    list("a:1");
    await expect(shop({ balancer: random }).find({ id: 1 }, background)).resolves.toBe("a:1");
  });

  it("are checked at construction", () => {
    expect(() => shop({ retry: { attempts: 0 } })).toThrow("retry: attempts must be a positive integer, got 0");
    expect(() => shop({ invalidateOnErrorMs: -1 })).toThrow("invalidateOnErrorMs");
  });
});

describe("a balanced client", () => {
  it("has the service's methods and nothing else of its own", async () => {
    const client = shop();
    expect(Object.keys(client)).toEqual(["find", "buy", "wait"]);
    expect(Reflect.ownKeys(client)).toEqual(["find", "buy", "wait"]);
  });

  it("has the types of any other client of the service", () => {
    expectTypeOf(shop()).toEqualTypeOf<ClientOf<Shop>>();
    expectTypeOf<Parameters<ReturnType<typeof shop>["find"]>[0]>().toEqualTypeOf<{ id: number }>();
  });

  it("refuses calls once it is disposed", async () => {
    list("a:1");
    const client = shop();
    await client[Symbol.asyncDispose]();
    await expect(client.find({ id: 1 }, background)).rejects.toMatchObject({
      code: "unavailable",
      message: "shop: the client is closed",
      notSent: true,
    });
    expect(network.calls).toEqual([]);
  });

  it("leaves the instancer to whoever made it", async () => {
    const close = vi.spyOn(instances, "close");
    await shop()[Symbol.asyncDispose]();
    expect(close).not.toHaveBeenCalled();
  });
});
