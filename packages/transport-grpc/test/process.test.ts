import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const fixture = fileURLToPath(new URL("./process.fixture.mjs", import.meta.url));

it("a process ends by itself once client and server are closed", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [fixture, "closed"], { timeout: 20_000 });
  expect(stdout).toBe('["a","b","canceled","0","1","2"]\n');
}, 30_000);

it("a process goes on while they are open", async () => {
  const child = spawn(process.execPath, [fixture, "left"], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  await once(child.stdout, "data");
  const outcome = await Promise.race([
    once(child, "exit").then(() => "ended"),
    new Promise((resolve) => void setTimeout(resolve, 300, "goes on")),
  ]);
  expect(outcome).toBe("goes on");
});
