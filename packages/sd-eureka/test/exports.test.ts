import { expect, it } from "vitest";

it("exports what it says and nothing by accident", { timeout: 60_000 }, async () => {
  expect(Object.keys(await import("@kit/sd-eureka")).toSorted()).toEqual(["eurekaInstancer", "eurekaRegistrar"]);
});
