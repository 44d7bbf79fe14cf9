import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

type Core = typeof import("../src/index.ts");

// What npm does to a tree when two packages ask for two versions of the core.
describe("two copies of the core in one process", () => {
  let folder: string;
  let ours: Core;
  let theirs: Core;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kit-endpoint-"));
    const load = async (name: string) => {
      for (const part of ["package.json", "dist", "src"]) {
        await cp(fileURLToPath(new URL(`../${part}`, import.meta.url)), join(folder, name, part), { recursive: true });
      }
      return (await import(pathToFileURL(join(folder, name, "dist/index.js")).href)) as Core;
    };
    [ours, theirs] = [await load("ours"), await load("theirs")];
  });

  afterAll(() => rm(folder, { recursive: true }));

  it("are two", () => {
    expect(ours.KitError).not.toBe(theirs.KitError);
    expect(ours.background).not.toBe(theirs.background);
  });

  it("recognise each other's errors, and tell peers of them", () => {
    const error = new theirs.KitError("not_found", "no such user", { details: { id: 7 }, cause: new Error("secret") });
    expect(error).not.toBeInstanceOf(ours.KitError);
    expect(ours.isKitError(error)).toBe(true);
    expect(ours.codeOf(error)).toBe("not_found");
    expect(ours.codeOf(theirs.refusal("unavailable", "open"))).toBe("unavailable");
    expect(ours.toWire(error)).toEqual({ code: "not_found", message: "no such user", details: { id: 7 } });
    expect(ours.toWire(theirs.fromWire(ours.toWire(error)))).toEqual(ours.toWire(error));
  });

  it("read each other's values, also those that transports put there", () => {
    const info = { service: "addsvc", method: "sum", transport: "http" };
    const ctx = ours.background.with(ours.contextKey<number>("@test/copies"), 7).with(ours.callInfo, info);
    expect(ctx.get(theirs.contextKey<number>("@test/copies"))).toBe(7);
    expect(ctx.get(theirs.callInfo)).toBe(info);
  });

  it("send and receive each other's carried values", () => {
    const here = ours.contextKey("test-copies", { carry: ours.text });
    const headers = new Map<string, string>();
    theirs.inject(ours.background.with(here, "é"), (name, value) => headers.set(name, value));
    expect(headers.get("test-copies")).toBe("%C3%A9");
    const there = theirs.contextKey("test-copies", { carry: theirs.text });
    const received = theirs.extract(ours.background, (name) => headers.get(name)).withCancel();
    expect(received.get(there)).toBe("é");
    expect(received.get(here)).toBe("é");
  });

  it("wrap each other's endpoints, and end each other's calls", async () => {
    const until = theirs.chain((next) => (request, ctx) => next(request, ctx.withTimeout(60_000)));
    const waiting = vi.fn<() => void>();
    const endpoint = ours.chain(until)((_: unknown, ctx) => {
      waiting();
      return new Promise<never>((_resolve, reject) => {
        ctx.onCancel(reject);
      });
    });
    const ctx = ours.background.withCancel();
    const call = endpoint({}, ctx);
    expect(waiting).toHaveBeenCalledOnce();
    ctx.cancel(new theirs.KitError("aborted", "enough"));
    await expect(call).rejects.toSatisfy((error) => ours.codeOf(error) === "aborted");
  });
});
