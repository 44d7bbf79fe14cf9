import { expect, it } from "vitest";

it("exports what it says and nothing by accident", async () => {
  expect(Object.keys(await import("@kit/create")).toSorted()).toEqual(["CreateError", "createProject", "templates"]);
});
