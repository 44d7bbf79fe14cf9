import { background, KitError } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import { endpointer, firstInstances, fixedInstancer, instanceCache } from "../src/index.ts";
import { at } from "./recorder.ts";

describe("firstInstances", () => {
  it("has the list if there is one", async () => {
    expect(await firstInstances(fixedInstancer(at("a")), background)).toEqual(at("a"));
    expect(await firstInstances(fixedInstancer([]), background)).toEqual([]);
  });

  it("waits for the first list, past any error; an endpointer has it by then", async () => {
    const cache = instanceCache();
    const live = endpointer(cache, ({ address }) => ({ endpoint: address }));
    const first = firstInstances(cache, background).then((instances) => [instances, live.endpoints()]);
    cache.fail(new Error("not yet"));
    cache.update(at("b", "a"));
    cache.update(at("c"));
    expect(await first).toEqual([at("a", "b"), ["c"]]);
  });

  it("says why there is no list when the context ends", async () => {
    const cache = instanceCache();
    const [cause, error] = [new KitError("canceled", "enough"), new Error("down")];
    const [sooner, later] = [background.withCancel(), background.withCancel()];
    const [before, after] = [firstInstances(cache, sooner), firstInstances(cache, later)];
    sooner.cancel(cause);
    await expect(before).rejects.toBe(cause);
    cache.fail(error);
    later.cancel(cause);
    await expect(after).rejects.toBe(error);
    await expect(firstInstances(cache, sooner)).rejects.toBe(error);
  });

  it("lets go of the instancer and the context when it is done", async () => {
    const cache = instanceCache();
    let subscribers = 0;
    const counted = {
      ...cache,
      subscribe(listener: Parameters<typeof cache.subscribe>[0]) {
        subscribers += 1;
        const leave = cache.subscribe(listener);
        return () => {
          subscribers -= 1;
          leave();
        };
      },
    };
    const ctx = background.withCancel();
    const [ended, listed] = [firstInstances(counted, ctx), firstInstances(counted, background)];
    ctx.cancel();
    await expect(ended).rejects.toThrow("canceled");
    expect(subscribers).toBe(1);
    cache.update([]);
    await listed;
    expect(subscribers).toBe(0);
  });
});
