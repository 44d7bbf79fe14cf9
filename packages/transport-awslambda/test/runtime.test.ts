import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { background } from "@kit/endpoint";
import { defineService } from "@kit/service";
import { expect, it } from "vitest";
import { z } from "zod";
import { connectLambda } from "../src/index.ts";
import { standInLambda } from "./runtime.ts";

const Adder = defineService("adder", { sum: { request: z.any(), response: z.object({ v: z.number() }) } });

it("runs in a process of its own below a runtime that speaks Lambda's protocol", async () => {
  await using lambda = await standInLambda();
  const child = spawn(process.execPath, [fileURLToPath(new URL("function.fixture.mjs", import.meta.url))], {
    env: { ...process.env, AWS_LAMBDA_RUNTIME_API: lambda.api, KIT_OWN_RUNTIME: "1" },
    stdio: "inherit",
  });
  const exited = once(child, "exit");
  try {
    await using adder = connectLambda(Adder, { invoke: lambda.invoke });
    expect(await adder.sum({ a: 1, b: 2 }, background.withTimeout(20_000))).toEqual({ v: 3 });
    await expect(adder.sum({ a: "x" }, background)).rejects.toMatchObject({ code: "invalid_argument" });
    const url = { rawPath: "/sum", requestContext: { http: { method: "POST" } }, body: '{"a":20,"b":22}' };
    const { payload } = await lambda.invoke(JSON.stringify(url));
    expect(JSON.parse(String(payload))).toMatchObject({ statusCode: 200, body: '{"v":42}', isBase64Encoded: false });
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
});
