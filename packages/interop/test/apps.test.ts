import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium, consul, postgres, startServer, whenInstalled } from "@kit/servers";
import { describe, expect, it } from "vitest";

// The apps' own tests need nothing but Node, for they go along with every copy. Told the address of a server, they use it.

const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");

/** What came of an app's own tests. */
async function outcome(app: string, files: readonly string[], env: Readonly<Record<string, string>>): Promise<unknown> {
  const cwd = fileURLToPath(new URL(`../../../apps/${app}`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [vitest, "run", "--reporter=json", ...files], {
    cwd,
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout);
}

describe("profilesvc", () => {
  whenInstalled(postgres, () => {
    it("passes its own tests", { timeout: 180_000 }, async () => {
      await using server = await startServer(postgres);
      const own = await outcome("profilesvc", ["profilesvc.test", "client.test"], { KIT_POSTGRES_URL: server.url });
      expect(own).toMatchObject({ success: true, numFailedTests: 0 });
    });
  });
});

describe("shipping", () => {
  whenInstalled(postgres, () => {
    it("passes its own tests", { timeout: 180_000 }, async () => {
      await using server = await startServer(postgres);
      const own = await outcome("shipping", ["store.test"], { KIT_POSTGRES_URL: server.url });
      expect(own).toMatchObject({ success: true, numFailedTests: 0 });
    });
  });
});

describe("apigateway", () => {
  whenInstalled(consul, () => {
    whenInstalled(chromium, () => {
      it("passes its own tests", { timeout: 180_000 }, async () => {
        await using server = await startServer(consul);
        const own = await outcome("apigateway", ["program.test"], {
          KIT_CONSUL_URL: server.url,
          KIT_CHROMIUM: "chromium",
        });
        expect(own).toMatchObject({ success: true, numFailedTests: 0 });
      });
    });
  });
});
