import { describe, expect, it } from "vitest";

import { packageManagerOf, settingsFor } from "../src/package-manager.ts";

describe("the package manager", () => {
  it.each([
    ["npm/11.19.1 node/v20.20.2 linux x64 workspaces/false", "npm"],
    ["pnpm/12.21.0 npm/? node/v20.20.2 linux x64", "pnpm"],
    ["yarn/4.18.1 npm/? node/v20.20.2 linux x64", "yarn"],
    ["yarn/1.22.22 npm/? node/v20.20.2 linux x64", "yarn"],
    ["bun/1.3.0 npm/? node/v24.0.0 linux x64", "npm"],
    ["", "npm"],
    [undefined, "npm"],
  ] as const)("that calls itself %j is taken for %s", (userAgent, manager) => {
    expect(packageManagerOf(userAgent)).toBe(manager);
  });
});

describe("what packages need", () => {
  const settings = { overrides: { a: "1.0.0", b: { c: "^2.0.0", d: "~3.0.0" } }, allowScripts: { e: false } };

  it("is said to npm in package.json", () => {
    expect(settingsFor("npm", settings)).toEqual({ manifest: settings, files: {}, ignored: "" });
  });

  it("is said to pnpm in pnpm-workspace.yaml", () => {
    const { manifest, files } = settingsFor("pnpm", settings);
    expect(manifest).toEqual({});
    expect(files).toEqual({
      "pnpm-workspace.yaml":
        'allowBuilds:\n  "e": false\noverrides:\n  "a": "1.0.0"\n  "b>c": "^2.0.0"\n  "b>d": "~3.0.0"\n',
    });
  });

  it("is said to Yarn in resolutions, and scripts it leaves off anyway", () => {
    const { manifest, files } = settingsFor("yarn", settings);
    expect(manifest).toEqual({ resolutions: { a: "1.0.0", "b/c": "^2.0.0", "b/d": "~3.0.0" } });
    expect(files).toEqual({ ".yarnrc.yml": expect.stringContaining("nodeLinker: node-modules\n"), "yarn.lock": "" });
  });

  it("may be nothing", () => {
    expect(settingsFor("npm", {})).toEqual({ manifest: {}, files: {}, ignored: "" });
    expect(settingsFor("pnpm", {})).toEqual({ manifest: {}, files: {}, ignored: "" });
    expect(settingsFor("yarn", {}).manifest).toEqual({});
  });
});
