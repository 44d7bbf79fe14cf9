import { chromium as chromiumServer, startServer, whenInstalled } from "@kit/servers";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { addressesOf, anyPorts, start } from "../program.ts";

whenInstalled(chromiumServer, () => {
  test("the live page shows instances, calls, limits and traces as they change", async () => {
    await using server = await startServer(chromiumServer);
    const browser = await chromium.connectOverCDP(server.url);
    const page = await browser.newPage();
    const wrong: unknown[] = [];
    page.on("pageerror", (error) => wrong.push(error));
    page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
    const demo = start(...anyPorts, "--log-level=error");
    const { http, live, "addsvc-1": first } = await addressesOf(demo);
    const call = (body: string): Promise<unknown> => fetch(`${http}/sum`, { method: "POST", body });

    await page.goto(live!);
    await page.locator("#state", { hasText: "live" }).waitFor();
    await page.locator("#instances tr").nth(2).waitFor();
    expect(await page.locator("#instances").innerText()).toContain(new URL(first!).host);
    expect(await page.locator("#limits").innerText()).toContain("1000 of 1000 left");

    await Promise.all(Array.from({ length: 30 }, (_, a) => call(`{"a":${a},"b":1}`)));
    await page.locator("#outcomes", { hasText: /\d+ ok/ }).waitFor();
    const trace = page.locator("#traces details", { hasText: "history/record on gateway" }).first();
    await trace.locator("summary").click();
    await page.locator("#traces details[open] rect").nth(4).waitFor();

    await call('{"a":0,"b":0}');
    await page.locator("#traces .error", { hasText: "invalid_argument" }).first().waitFor();

    // What a stranger sends is text here, never markup.
    const stranger = { traceId: "f".repeat(32), spanId: "e".repeat(16), name: "<img src=x onerror=alert(1)>", kind: 1 };
    const span = { ...stranger, startTimeUnixNano: `${Date.now()}000000`, endTimeUnixNano: `${Date.now()}000000` };
    const body = JSON.stringify({ resourceSpans: [{ resource: {}, scopeSpans: [{ spans: [span] }] }] });
    expect((await fetch(`${live}v1/traces`, { method: "POST", body })).status).toBe(200);
    await page.locator("#traces code", { hasText: "ffffffff" }).waitFor();
    expect(await page.locator("#traces img").count()).toBe(0);

    demo.child.kill("SIGINT");
    await page.locator("#state", { hasText: "away" }).waitFor();
    expect(wrong.filter((what) => !String(what).includes("ERR_"))).toEqual([]);
    await browser.close();
  }, 120_000);
});
