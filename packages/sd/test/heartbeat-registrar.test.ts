import { setImmediate } from "node:timers/promises";
import { codeOf, type Context, KitError } from "@kit/endpoint";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { heartbeatRegistrar, type HeartbeatRegistrarOptions } from "../src/index.ts";
import { uncaught } from "./recorder.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A registry for one instance, and what it was asked. */
function setup(options: Partial<HeartbeatRegistrarOptions> = {}) {
  const registry = { has: false, away: false, asked: [] as string[], contexts: [] as Context[], busy: false };
  const errors: Error[] = [];
  const ask = (name: string, act: () => void) => async (ctx: Context) => {
    expect(registry.busy).toBe(false);
    registry.busy = true;
    registry.asked.push(name);
    registry.contexts.push(ctx);
    await setImmediate();
    registry.busy = false;
    if (registry.away) throw new Error("ECONNREFUSED");
    act();
  };
  const registrar = heartbeatRegistrar({
    register: ask("register", () => (registry.has = true)),
    renew: ask("renew", () => {
      if (!registry.has) throw new KitError("not_found", "never heard of it");
    }),
    deregister: ask("deregister", () => (registry.has = false)),
    heartbeatMs: 1_000,
    backoff: (attempt) => 100 * 2 ** attempt,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { registrar, registry, errors };
}

/** Lets time pass, and what the registrar does in it. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let n = 0; n < 5; n++) {
    await setImmediate();
    await vi.advanceTimersByTimeAsync(0);
  }
}

function codeOfRejection(promise: Promise<void>): Promise<string> {
  return promise.then(() => "none", codeOf);
}

function activeTimers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

/** A call that ends when the test says, and not before. */
function held(): { call: (ctx: Context) => Promise<void>; end: () => void; contexts: Context[] } {
  const contexts: Context[] = [];
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return {
    contexts,
    end,
    call(ctx) {
      contexts.push(ctx);
      return ended;
    },
  };
}

describe("heartbeatRegistrar", () => {
  it("registers once, however often it is asked, and renews until it is told to deregister", async () => {
    const { registrar, registry } = setup();
    await Promise.all([registrar.register(), registrar.register()]);
    await registrar.register();
    expect(registry.has).toBe(true);
    await pass(999);
    expect(registry.asked).toEqual(["register"]);
    await pass(1);
    await pass(1_000);
    expect(registry.asked).toEqual(["register", "renew", "renew"]);
    await Promise.all([registrar.deregister(), registrar.deregister()]);
    await registrar.deregister();
    await pass(5_000);
    expect(registry.asked).toEqual(["register", "renew", "renew", "deregister"]);
    expect([registry.has, vi.getTimerCount()]).toEqual([false, 0]);
  });

  it("has nothing to deregister before it is registered", async () => {
    const { registrar, registry } = setup();
    await registrar.deregister();
    await registrar.close();
    expect(registry.asked).toEqual([]);
  });

  it("registers anew after it was deregistered", async () => {
    const { registrar, registry } = setup();
    await registrar.register();
    await registrar.deregister();
    await registrar.register();
    await pass(1_000);
    expect(registry.asked).toEqual(["register", "deregister", "register", "renew"]);
  });

  // go-kit's etcd registrar misses a Deregister right after a Register, and a second Register makes it hang
  it("ends up as it was told last, when it is told before it is done", async () => {
    const { registrar, registry } = setup();
    const outcome = Promise.allSettled([
      registrar.register(),
      registrar.deregister(),
      registrar.register(),
      registrar.register(),
      registrar.deregister(),
      registrar.register(),
    ]);
    const settled = (await outcome).map((each) => (each.status === "rejected" ? codeOf(each.reason) : "done"));
    expect(settled).toEqual(["canceled", "done", "canceled", "canceled", "done", "done"]);
    expect(registry.has).toBe(true);
    await pass(1_000);
    expect(registry.asked).toEqual(["register", "renew"]);
  });

  it("waits for a registration that it overtakes, since it may yet reach the registry", async () => {
    const { call, end, contexts } = held();
    const { registrar, registry } = setup({ register: call });
    const registered = registrar.register();
    await pass(0);
    const deregistered = registrar.deregister();
    await pass(0);
    expect(contexts[0]?.cancelled).toBeDefined();
    expect(registry.asked).toEqual([]);
    end();
    await deregistered;
    expect(registry.asked).toEqual(["deregister"]);
    await registered;
    await pass(5_000);
    expect(registry.asked).toEqual(["deregister"]);
  });

  it("registers again as soon as a renewal says that the registry has lost the instance", async () => {
    const { registrar, registry, errors } = setup();
    await registrar.register();
    registry.has = false;
    await pass(1_000);
    expect(registry.asked).toEqual(["register", "renew", "register"]);
    expect(registry.has).toBe(true);
    expect(errors.map(codeOf)).toEqual(["not_found"]);
    await pass(1_000);
    expect(registry.asked.at(-1)).toBe("renew");
  });

  it("tries less and less often to register while the registry is away, and goes on renewing when it is back", async () => {
    const { registrar, registry, errors } = setup();
    await registrar.register();
    registry.away = true;
    registry.has = false;
    await pass(1_000);
    expect(registry.asked).toEqual(["register", "renew", "register"]);
    for (const wait of [100, 200, 400]) {
      const before = registry.asked.length;
      await pass(wait - 1);
      expect(registry.asked).toHaveLength(before);
      await pass(1);
      expect(registry.asked).toHaveLength(before + 1);
    }
    expect(errors).toHaveLength(5);
    expect(errors[0]).toMatchObject({ code: "unavailable", message: "service discovery is unavailable" });
    expect(errors[0]?.cause).toEqual(new Error("ECONNREFUSED"));
    registry.away = false;
    await pass(800);
    await pass(1_000);
    expect(registry.asked.slice(-2)).toEqual(["register", "renew"]);
    expect(registry.has).toBe(true);
  });

  it("rejects when the registry is away, and does nothing more by itself", async () => {
    const { registrar, registry, errors } = setup();
    registry.away = true;
    await expect(registrar.register()).rejects.toMatchObject({ code: "unavailable" });
    await pass(60_000);
    expect(registry.asked).toEqual(["register"]);
    expect(errors).toEqual([]);
    registry.away = false;
    await registrar.register();
    expect(registry.has).toBe(true);
  });

  it("hands on a KitError as it is", async () => {
    const error = new KitError("permission_denied", "no token");
    const { registrar } = setup({ register: () => Promise.reject(error) });
    await expect(registrar.register()).rejects.toBe(error);
    const { registrar: other } = setup({
      register() {
        throw error;
      },
    });
    await expect(other.register()).rejects.toBe(error);
  });

  it("rejects when it cannot deregister, keeps the instance up no longer, and tries again when asked again", async () => {
    const { registrar, registry } = setup();
    await registrar.register();
    registry.away = true;
    await expect(registrar.deregister()).rejects.toMatchObject({ code: "unavailable" });
    await pass(60_000);
    expect(registry.asked).toEqual(["register", "deregister"]);
    registry.away = false;
    await registrar.deregister();
    expect(registry.has).toBe(false);
  });

  it("deregisters what a failed registration may have left", async () => {
    const { registrar, registry } = setup();
    registry.away = true;
    await expect(registrar.register()).rejects.toThrow("unavailable");
    registry.away = false;
    registry.has = true;
    await registrar.close();
    expect(registry.has).toBe(false);
  });

  it("gives up a call that takes too long, whether it listens or not", async () => {
    const { call } = held();
    const { registrar, registry } = setup({ register: call, timeoutMs: 200 });
    const registered = registrar.register().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(200);
    expect(await registered).toMatchObject({
      code: "deadline_exceeded",
      message: "the registry did not answer within 200 ms",
    });
    await registrar.deregister();
    expect(registry.asked).toEqual(["deregister"]);

    const listening = setup({
      register: (ctx) => new Promise((_, reject) => ctx.onCancel(() => reject(new Error("aborted")))),
    }).registrar;
    const refused = codeOfRejection(listening.register());
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await refused).toBe("deadline_exceeded");
  });

  it("ends the context of each call with it", async () => {
    const { registrar, registry } = setup();
    await registrar.register();
    await registrar.deregister();
    expect(registry.contexts.map((ctx) => codeOf(ctx.cancelled))).toEqual(["canceled", "canceled"]);
  });

  it("deregisters when it is closed, tells why it cannot, and takes no more", async () => {
    const { registrar, registry, errors } = setup();
    await registrar.register();
    registry.away = true;
    await Promise.all([registrar.close(), registrar.close(), registrar[Symbol.asyncDispose]()]);
    expect(registry.asked).toEqual(["register", "deregister"]);
    expect(errors.map(codeOf)).toEqual(["unavailable"]);
    await expect(registrar.register()).rejects.toMatchObject({ code: "failed_precondition" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("lets an error of its user's callback be heard, and goes on", async () => {
    const thrown = uncaught();
    const failing = new Error("of the callback");
    const { registrar, registry } = setup({
      onError() {
        throw failing;
      },
    });
    await registrar.register();
    registry.has = false;
    await pass(1_000);
    expect(registry.has).toBe(true);
    expect(thrown).toEqual([failing]);
  });

  it("has heartbeats that keep no process alive", async () => {
    vi.useRealTimers();
    const { registrar } = setup();
    const before = activeTimers();
    await registrar.register();
    expect(activeTimers()).toBe(before);
    await registrar.close();
  });

  it("leaves the registry as it was told last, whatever happens in whatever order", async () => {
    const step = fc.constantFrom("register", "deregister", "wait", "lose", "leave", "return");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const { registrar, registry } = setup();
        let wanted = false;
        for (const each of [...steps, "return"]) {
          if (each === "register") {
            // A rejected registration is not kept up.
            void registrar.register().then(
              () => {},
              () => {},
            );
            wanted = true;
          } else if (each === "deregister") {
            void registrar.deregister().catch(() => {});
            wanted = false;
          } else if (each === "wait") await pass(500);
          else if (each === "lose") registry.has = false;
          else registry.away = each === "leave";
        }
        // Whatever failed in between is told once more.
        await (wanted ? registrar.register() : registrar.deregister()).catch(() => {});
        await (wanted ? registrar.register() : registrar.deregister());
        await pass(60_000);
        expect(registry.has).toBe(wanted);
        await registrar.close();
        expect(registry.has).toBe(false);
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it.for([
    ["heartbeatMs", 0],
    ["heartbeatMs", -1],
    ["heartbeatMs", NaN],
    ["heartbeatMs", 2 ** 31],
    ["timeoutMs", 0],
    ["timeoutMs", "1"],
  ] as const)("refuses %s: %o", ([option, value]) => {
    const make = (): unknown => setup({ [option]: value });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`heartbeatRegistrar: ${option} must be a positive number`);
  });
});
