import { background, KitError } from "@kit/endpoint";
import { retry } from "@kit/lb";
import { describe, expect, it } from "vitest";
import { finalOf, retriesOf, textOf } from "../src/index.ts";

async function failedTwice(): Promise<{ readonly error: unknown; readonly errors: readonly unknown[] }> {
  const errors = [new KitError("unavailable", "first"), new KitError("unavailable", "second")];
  let calls = 0;
  const call = retry({ pick: () => () => Promise.reject(errors[calls++]) }, { attempts: 2 });
  return { errors, error: await call(1, background).catch((error: unknown) => error) };
}

describe("retriesOf", () => {
  // go-kit: TestTraceEndpoint's retry error
  it("names what each attempt failed with", async () => {
    const { error } = await failedTwice();
    expect(retriesOf(error)).toEqual({ "gokit.retry.error.1": "first", "gokit.retry.error.2": "second" });
  });

  it.for([undefined, null, "RetryError", 7, new Error("plain"), { name: "RetryError" }, { errors: [1] }])(
    "has nothing of %j",
    (error) => {
      expect(retriesOf(error)).toEqual({});
      expect(finalOf(error)).toBe(error);
    },
  );
});

describe("finalOf", () => {
  it("is what all attempts came to", async () => {
    const { error, errors } = await failedTwice();
    expect(finalOf(error)).toBe(errors[1]);
  });
});

describe("textOf", () => {
  it.for([
    [new Error("text"), "text"],
    ["text", "text"],
    [undefined, "undefined"],
    [7, "7"],
  ] as const)("%j", ([error, text]) => {
    expect(textOf(error)).toBe(text);
  });
});
