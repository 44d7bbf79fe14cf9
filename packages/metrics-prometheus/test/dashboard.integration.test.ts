import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { background, KitError } from "@kit/endpoint";
import { measured } from "@kit/metrics";
import { prometheus, promtool, type Server, startServer, whenStartable } from "@kit/servers";
import { openMetricsContentType, type OpenMetricsContentType, Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { redDashboard, type RedDashboardOptions } from "../src/dashboard.ts";
import { metricsPage, prometheusMetrics } from "../src/index.ts";
import { ask, query } from "./promql.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const everyS = 15;
const scrapes = 40;
/** The window over which rates are taken, four scrapes. */
const rateInterval = "1m";

/** A call that ends like this takes so many seconds, and there are so many of them between two scrapes. */
const traffic = [
  { service: "shop", method: "order", code: "ok", seconds: 0.04, calls: 30 },
  { service: "shop", method: "order", code: "not_found", seconds: 0.3, calls: 15 },
  { service: "shop", method: "pay", code: "ok", seconds: 2, calls: 9 },
  { service: "shop", method: "pay", code: "unavailable", seconds: 8, calls: 6 },
  { service: "stock", method: "take", code: "ok", seconds: 0.004, calls: 60 },
] as const;

/** The pages of a service under that traffic, as one that `promtool` makes a history of. Three calls never end. */
async function history(endS: number): Promise<string> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(openMetricsContentType);
  const metrics = prometheusMetrics({ registry, prefix: "shop_", defaultLabels: { zone: "eu" } });
  let now = 0;
  for (let i = 0; i < 3; i++) {
    void measured(metrics, { service: "shop", name: "pay" })(() => new Promise(() => {}))(undefined, background);
  }
  let pages = "";
  for (let scrape = 0; scrape < scrapes; scrape++) {
    for (const { service, method, code, seconds, calls } of traffic) {
      const call = measured(metrics, { service, name: method, now: () => now })(async () => {
        now += seconds * 1000;
        if (code !== "ok") throw new KitError(code, "as planned");
      });
      for (let i = 0; i < calls; i++) await call(undefined, background).catch(() => {});
    }
    const { body } = await metricsPage(registry);
    const at = endS - (scrapes - 1 - scrape) * everyS;
    pages += body.replace("# EOF\n", "").replaceAll(/^[^#\n].*$/gm, (line) => `${line} ${at}`);
  }
  return `${pages}# EOF\n`;
}

whenStartable(prometheus, () => {
  let server: Server;
  const endS = Math.floor(Date.now() / 1000) - 3600;
  beforeAll(async () => {
    server = await startServer(prometheus);
    const folder = await mkdtemp(join(tmpdir(), "kit-history-"));
    try {
      await writeFile(join(folder, "pages"), await history(endS));
      const data = join(server.place.directory, "data");
      await promtool(["tsdb", "create-blocks-from", "openmetrics", "--quiet", join(folder, "pages"), data]);
      await server.restart();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** What each line of a panel stands at by the end, as Grafana would ask for it. */
  async function shown(options: RedDashboardOptions, title: string, chosen = { service: ".*", method: ".*" }) {
    const panel = redDashboard({ prefix: "shop_", ...options }).panels.find((one) => one.title === title)!;
    const all: Record<string, number> = {};
    for (const { expr, legendFormat } of panel.targets) {
      const expression = expr
        .replaceAll("$__rate_interval", rateInterval)
        .replaceAll("$service", chosen.service)
        .replaceAll("$method", chosen.method);
      expect(expression).not.toContain("$");
      for (const { labels, value } of await query(server, expression, endS)) {
        const legend = legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => labels[name] ?? "");
        expect(all).not.toHaveProperty([legend]);
        all[legend] = Number(value.toPrecision(9));
      }
    }
    return all;
  }

  describe("redDashboard, of traffic that is known", () => {
    it("has the right number on every line of every panel", async () => {
      const everything: Record<string, unknown> = {};
      for (const { title } of redDashboard().panels) everything[title] = await shown({}, title);
      expect(everything).toEqual({
        // 120 calls in 15 s, 21 of them failed.
        Rate: { Rate: 8 },
        Errors: { Errors: 0.175 },
        // The 118.8th of them is the 4.8th of the six between 5 and 10 s.
        "Duration, p99": { "Duration, p99": 9 },
        "In flight": { "In flight": 3 },
        "Rate by method": { "shop/order": 3, "shop/pay": 1, "stock/take": 4 },
        "Rate by code": { ok: 6.6, not_found: 1, unavailable: 0.4 },
        "Share of errors by method": { "shop/order": 0.333333333, "shop/pay": 0.4, "stock/take": 0 },
        "Errors by method and code": { "shop/order: not_found": 1, "shop/pay: unavailable": 0.4 },
        Duration: {
          // The 60th is the last of the 60 up to 5 ms, the 108th the third of the nine between 1 and 2.5 s.
          p50: 0.005,
          p90: 1.5,
          p99: 9,
          mean: Number(((30 * 0.04 + 15 * 0.3 + 9 * 2 + 6 * 8 + 60 * 0.004) / 120).toPrecision(9)),
        },
        "Duration by method, p99": { "shop/order": 0.4925, "shop/pay": 9.875, "stock/take": 0.00495 },
        Durations: {
          "0.005": 240,
          "0.01": 240,
          "0.025": 240,
          "0.05": 360,
          "0.1": 360,
          "0.25": 360,
          "0.5": 420,
          "1.0": 420,
          "2.5": 456,
          "5.0": 456,
          "10.0": 480,
          "+Inf": 480,
        },
        "In flight by method": { "shop/order": 0, "shop/pay": 3, "stock/take": 0 },
      });
    });

    it("shows what is chosen", async () => {
      const pay = { service: "shop", method: "(pay|refund)" };
      expect(await shown({}, "Rate", pay)).toEqual({ Rate: 1 });
      expect(await shown({}, "Errors", pay)).toEqual({ Errors: 0.4 });
      expect(await shown({}, "Errors", { service: "stock", method: ".*" })).toEqual({ Errors: 0 });
      expect(await shown({}, "Rate", { service: "none", method: ".*" })).toEqual({});
    });

    it("leaves out what is no error, and other people's series", async () => {
      const expectedCodes = ["ok", "not_found"];
      expect(await shown({ expectedCodes }, "Errors")).toEqual({ Errors: 0.05 });
      expect(await shown({ expectedCodes }, "Errors by method and code")).toEqual({ "shop/pay: unavailable": 0.4 });
      expect(await shown({ labels: { zone: "eu" } }, "Rate")).toEqual({ Rate: 8 });
      expect(await shown({ labels: { zone: "us" } }, "Rate")).toEqual({});
    });

    it("offers the services, and the methods of those that are chosen", async () => {
      const { list } = redDashboard({ prefix: "shop_", labels: { zone: "eu" } }).templating;
      const offered = async (name: string, service: string) => {
        const { query: asked } = list.find((variable) => variable.name === name)!;
        const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(asked)!;
        const matching = { "match[]": selector!.replace("$service", service), start: `${endS - 60}`, end: `${endS}` };
        return ask(server, `label/${label}/values`, matching);
      };
      expect(await offered("service", "")).toEqual(["shop", "stock"]);
      expect(await offered("method", ".*")).toEqual(["order", "pay", "take"]);
      expect(await offered("method", "shop")).toEqual(["order", "pay"]);
    });
  });
});
