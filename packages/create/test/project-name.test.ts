import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { nameProblem } from "../src/project-name.ts";

describe("a project's name", () => {
  it.each(["shop", "shop-2", "2nd", "a", "my.shop", "my_shop", "@acme/shop", "@a-1/b.c", "a".repeat(214), "test"])(
    "may be %s",
    (name) => expect(nameProblem(name)).toBeUndefined(),
  );

  it.each([
    ["", "A project needs a name."],
    ["a".repeat(215), "The name is longer than the 214 characters that npm allows."],
    ["Shop", /^"Shop" is not a name for npm: /],
    [".shop", /is not a name for npm/],
    ["_shop", /is not a name for npm/],
    ["my shop", /is not a name for npm/],
    ["shop\n", /is not a name for npm/],
    ["shop~", /is not a name for npm/],
    ["läden", /is not a name for npm/],
    ["..", /is not a name for npm/],
    ["../shop", /is not a name for npm/],
    ["a/b", /is not a name for npm/],
    ["@acme/", /is not a name for npm/],
    ["@acme/a/b", /is not a name for npm/],
    ["@../shop", /is not a name for npm/],
    ["@acme/..", /is not a name for npm/],
    ["node_modules", '"node_modules" is a name that npm or Node has already taken.'],
    ["favicon.ico", /already taken/],
    ["http", /already taken/],
    ["fs", /already taken/],
  ])("may not be %j", (name, problem) => {
    expect(nameProblem(name)).toMatch(problem);
  });

  it("never leads out of the folder that it is below", () => {
    const marks = fc.string({ unit: fc.constantFrom("a", ".", "/", "\\", "@", "-", "~", "%", "\0"), maxLength: 12 });
    fc.assert(
      fc.property(marks, (name) => {
        const folder = name.replace(/^@.*\//, "");
        expect(nameProblem(name) !== undefined || (!/[/\\\0]/.test(folder) && !folder.startsWith("."))).toBe(true);
      }),
    );
  });
});
