import { background, codeOf, KitError } from "@kit/endpoint";
import type { ClientOf } from "@kit/service";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { connectThrift, serveThrift, thriftService } from "../src/index.ts";
import { Add, serveAdd, Zoo } from "./add.ts";
import { AddModule, zooTypes as zoo } from "./generated.ts";
import { serving } from "./serving.ts";

const forms = (["binary", "compact", "json"] as const).flatMap((protocol) =>
  (["header", "framed", "buffered"] as const).map((framing) => [protocol, framing] as const),
);

// The compiler does not convert elements that are of the type which they are in, so these must be instances.
const kitten = new zoo.Animal({
  name: "Kit",
  flags: [],
  tags: [],
  days: {},
  blob: Buffer.alloc(0),
  size: 0,
  small: 0,
  short: 0,
  alive: false,
});
const cat = {
  name: "Tom 🐱",
  weight: 2n ** 62n + 1n,
  colour: zoo.Colour.BLUE,
  flags: [true, false, true, false, false],
  tags: ["a", "ü"],
  days: { "9007199254740993": "far", "-1": "yesterday" },
  blob: Buffer.from([0, 1, 255]),
  size: -1.5e-7,
  young: [kitten],
  id: { name: "tom" },
  small: -128,
  short: -32_768,
  alive: true,
};

describe.each(forms)("over %s, %s", (protocol, framing) => {
  const notes: string[] = [];

  async function connected(): Promise<ClientOf<typeof Zoo>> {
    const handler = serveThrift(Zoo, {
      ping: async () => {},
      feed: async ({ animal, amounts, colour }) => ({
        ...animal,
        weight: amounts.reduce((sum, amount) => sum + amount, animal.weight ?? 0n),
        colour: colour ?? null,
      }),
      count: async ({ n }) => n,
      open: async () => false,
      fail: async ({ name }) => {
        if (name === "wolf") throw new zoo.NotFound({ name, looked: 3 });
        throw name === "bear" ? new zoo.Closed({ reopens: "never" }) : new KitError("aborted", name);
      },
      note: async ({ line }) => void notes.push(line),
    });
    const { address } = await serving(handler);
    const client = connectThrift(Zoo, {
      address,
      protocol,
      framing,
    });
    onTestFinished(() => client[Symbol.asyncDispose]());
    return client;
  }

  it("all that an IDL can say arrives as it was", async () => {
    const client = await connected();
    const fed = await client.feed({ animal: cat, amounts: [1n, 2], colour: zoo.Colour.BLUE }, background);
    const { young: _, ...parent } = cat;
    expect(fed).toMatchObject({ ...parent, weight: 2n ** 62n + 4n });
    expect(fed.young).toEqual([kitten]);
    expect(fed.young![0]!.weight).toBeNull();
  });

  it("an argument that is left out has the IDL's default", async () => {
    const client = await connected();
    const animal = { ...cat, young: null };
    expect((await client.feed({ animal, amounts: [] }, background)).colour).toBe(zoo.Colour.RED);
  });

  it("void is undefined, false is false", async () => {
    const client = await connected();
    expect(await client.ping({}, background)).toBeUndefined();
    expect(await client.open({}, background)).toBe(false);
  });

  it("every i64 is exact", async () => {
    const client = await connected();
    for (const n of [0n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)])
      expect(await client.count({ n }, background)).toBe(n);
    expect(await client.count({ n: -4_294_967_297 }, background)).toBe(-4_294_967_297n);
  });

  it("what is no i64 is refused before it is sent", async () => {
    const client = await connected();
    for (const n of [2n ** 63n, 1.5, 2 ** 53, "x" as never]) {
      const failed = client.count({ n }, background);
      await expect(failed).rejects.toMatchObject({ code: "invalid_argument", notSent: true });
    }
    expect(await client.count({ n: 1n }, background)).toBe(1n);
  });

  it("an exception that the IDL declares crosses as itself, another error by its code", async () => {
    const client = await connected();
    const declared: unknown = await client.fail({ name: "wolf" }, background).catch((error) => error);
    expect(declared).toBeInstanceOf(zoo.NotFound);
    expect(declared).toMatchObject({ name: "wolf", looked: 3 });
    expect(codeOf(declared)).toBe("unknown");
    const failed = client.fail({ name: "x: y" }, background);
    await expect(failed).rejects.toMatchObject({ code: "aborted", message: "x: y" });
  });

  it("an exception that this method does not declare is unknown to its caller", async () => {
    const client = await connected();
    await expect(client.fail({ name: "bear" }, background)).rejects.toMatchObject({
      code: "unknown",
      message: "internal error",
    });
  });

  it("a oneway call is not answered, and those after it are", async () => {
    const client = await connected();
    expect(await client.note({ line: `${protocol} ${framing}` }, background)).toBeUndefined();
    expect(await client.count({ n: 7n }, background)).toBe(7n);
    await vi.waitFor(() => expect(notes).toContain(`${protocol} ${framing}`));
  });
});

describe("an i64 as a number", () => {
  it("is refused where no number is exact: a request's as the call's error, a reply's in the client", async () => {
    const Big = thriftService(
      "addsvc",
      AddModule,
      { Sum: { args: ["a", "b"] }, Concat: { args: ["a", "b"] } },
      { i64: "bigint" },
    );
    const { address } = await serving(serveAdd());
    await using big = connectThrift(Big, { address });
    const asked = big.Sum({ a: 2n ** 53n, b: 0 }, background);
    await expect(asked).rejects.toMatchObject({ code: "out_of_range" });
    expect((await big.Sum({ a: 1n, b: 2 }, background)).value).toBe(3n);

    const other = await serving(
      serveThrift(Big, {
        Sum: async ({ a, b }) => ({ value: a + b, err: "" }),
        Concat: async ({ a, b }) => ({ value: a + b, err: "" }),
      }),
    );
    await using small = connectThrift(Add, { address: other.address });
    const answered = small.Sum({ a: Number.MAX_SAFE_INTEGER, b: 1 }, background);
    await expect(answered).rejects.toMatchObject({ code: "out_of_range" });
    expect((await small.Sum({ a: 1, b: 2 }, background)).value).toBe(3);
  });
});

describe("a handler's result", () => {
  it("that is missing, or does not fit the IDL, is the caller's internal error and the server's to hear of", async () => {
    const heard: unknown[] = [];
    const results: unknown[] = [undefined, { value: "x", err: 5 }, { value: 1n << 70n, err: "" }];
    const handler = serveThrift(
      Add,
      {
        Sum: async ({ a }) => results[a] as { value: number; err: string },
        Concat: async ({ a, b }) => ({ value: a + b, err: "" }),
      },
      { onError: (error) => heard.push(codeOf(error)) },
    );
    const { address } = await serving(handler);
    for (const framing of ["header", "buffered"] as const) {
      await using client = connectThrift(Add, { address, framing });
      for (const [a] of results.entries())
        await expect(client.Sum({ a, b: 0 }, background)).rejects.toMatchObject({ code: "internal" });
      expect((await client.Concat({ a: "o", b: "k" }, background)).value).toBe("ok");
    }
    expect(heard).toEqual(Array<string>(6).fill("internal"));
  });
});
