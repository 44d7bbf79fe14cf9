import { expect, it } from "vitest";

import { isSupported } from "../src/node-version.mjs";

it.each(["v20.19.0", "v20.20.2", "v22.0.0", "v24.21.0", "v100.0.0"])("accepts Node %s", (version) => {
  expect(isSupported(version)).toBe(true);
});

it.each(["v20.18.9", "v20.9.0", "v18.20.8", "v12.22.12", "v8.17.0"])("refuses Node %s", (version) => {
  expect(isSupported(version)).toBe(false);
});
