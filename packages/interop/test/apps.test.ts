import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium, consul, postgres, startServer, whenInstalled } from "@kit/servers";
import { describe, expect, it } from "vitest";

// The apps' own tests need nothing but Node, for they go along with every copy. Told the address of a server, they use it.

const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");

async function passes(app: string, files: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const cwd = fileURLToPath(new URL(`../../../apps/${app}`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, "run", "--reporter=json", ...files], {
    cwd,
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 26,
  });
  expect(JSON.parse(stdout)).toMatchObject({ success: true, numFailedTests: 0 });
}

describe("profilesvc", () => {
  whenInstalled(postgres, () => {
    it("passes its own tests", { timeout: 180_000 }, async () => {
      await using server = await startServer(postgres);
      await passes("profilesvc", ["profilesvc.test", "client.test"], { KIT_POSTGRES_URL: server.url });
    });
  });
});

describe("shipping", () => {
  whenInstalled(postgres, () => {
    it("passes its own tests", { timeout: 180_000 }, async () => {
      await using server = await startServer(postgres);
      await passes("shipping", ["store.test"], { KIT_POSTGRES_URL: server.url });
    });
  });
});

describe("apigateway", () => {
  whenInstalled(consul, () => {
    whenInstalled(chromium, () => {
      it("passes its own tests", { timeout: 180_000 }, async () => {
        await using server = await startServer(consul);
        await passes("apigateway", ["program.test"], { KIT_CONSUL_URL: server.url, KIT_CHROMIUM: "chromium" });
      });
    });
  });
});
