import { expect, it } from "vitest";
import { requireMs, requireName, requireText } from "../src/index.ts";

it.for([
  [() => requireMs("x: ms", 0), "x: ms must be a positive number up to 2147483647, got 0"],
  [() => requireMs("x: ms", NaN), "x: ms must be a positive number up to 2147483647, got NaN"],
  [() => requireMs("x: ms", 999, 1_000), "x: ms must be a number from 1000 to 2147483647, got 999"],
  [() => requireMs("x: ms", 2 ** 31, 1), "x: ms must be a number from 1 to 2147483647, got 2147483648"],
  [() => requireMs("x: ms", 31, 1, 30), "x: ms must be a number from 1 to 30, got 31"],
  [() => requireMs("x: ms", "5", 1), 'x: ms must be a number from 1 to 2147483647, got "5"'],
  [() => requireText("x: id", ""), 'x: id must be a string that is not empty, got ""'],
  [() => requireText("x: id", null), "x: id must be a string that is not empty, got null"],
  [() => requireName("x: service", ".."), 'a letter or a digit, got ".."'],
  [() => requireName("x: service", "a/b"), "x: service must be up to 128 letters"],
  [() => requireName("x: service", "a".repeat(129)), "x: service must be up to 128 letters"],
  [() => requireName("x: service", undefined), "got undefined"],
] as const)("%s is refused: %s", ([check, message]) => {
  expect(check).toThrow(TypeError);
  expect(check).toThrow(message);
});

it.for([
  () => requireMs("x: ms", 0.5),
  () => requireMs("x: ms", 2 ** 31 - 1, 1),
  () => requireText("x: id", " "),
  () => requireName("x: service", "addsvc.v2-eu_1"),
])("%s takes what is right", (check) => {
  expect(check).not.toThrow();
});
