import { type ServeThriftOptions, serveThrift, thriftService } from "../src/index.ts";
import { AddModule, ZooModule } from "./generated.ts";

/** go-kit's addsvc, from its IDL. */
export const Add = thriftService("addsvc", AddModule, { Sum: { args: ["a", "b"] }, Concat: { args: ["a", "b"] } });

export function serveAdd(options: ServeThriftOptions = {}) {
  return serveThrift(
    Add,
    {
      Sum: async ({ a, b }) =>
        a === 0 && b === 0 ? { value: 0, err: "can't sum two zeroes" } : { value: a + b, err: "" },
      Concat: async ({ a, b }) => ({ value: a + b, err: "" }),
    },
    options,
  );
}

export const Zoo = thriftService(
  "zoo",
  ZooModule,
  {
    ping: { args: [] },
    feed: { args: ["animal", "amounts", "colour"] },
    count: { args: ["n"] },
    open: { args: [] },
    fail: { args: ["name"] },
    note: { args: ["line"] },
  },
  { i64: "bigint" },
);
