import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { defaultDashboard } from "@grafana/schema";
import { describe, expect, it, onTestFinished } from "vitest";
import { type RedDashboard, redDashboard, type RedDashboardOptions } from "../src/dashboard.ts";

const here = join(import.meta.dirname, "..");

/**
 * Has the compiler hold JSON against Grafana's own types, which knows of every field whether it is there and what may be in it.
 *
 * @returns what it finds fault with.
 */
async function faultsOf(dashboard: RedDashboard): Promise<string> {
  // Below node_modules, so that it finds the types and nobody finds it.
  const folder = await mkdtemp(join(here, "node_modules", "dashboard-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { panels, ...rest } = JSON.parse(JSON.stringify(dashboard)) as RedDashboard;
  const raw = "@grafana/schema/dist/esm/raw/composable";
  const program = `
    import type { Dashboard, FieldConfig, FieldConfigSource, Panel } from "@grafana/schema";
    import type * as Heatmap from "${raw}/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
    import type * as Stat from "${raw}/stat/panelcfg/x/StatPanelCfg_types.gen";
    import type * as TimeSeries from "${raw}/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

    // JSON has no enums.
    type Json<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Json<T[K]> } : T extends number ? number : T;
    type Fields<Custom> = Omit<FieldConfigSource, "defaults"> & { defaults: Omit<FieldConfig, "custom"> & { custom?: Custom } };
    type PanelOf<Type, Options, Custom> =
      Json<Omit<Panel, "type" | "options" | "fieldConfig"> & { type: Type; options: Options; fieldConfig: Fields<Custom> }>;

    export const dashboard: Json<Omit<Dashboard, "panels">> = ${JSON.stringify(rest)};
    export const panels: (
      | PanelOf<"heatmap", Heatmap.Options, Heatmap.FieldConfig>
      | PanelOf<"stat", Stat.Options, never>
      | PanelOf<"timeseries", TimeSeries.Options, TimeSeries.FieldConfig>
    )[] = ${JSON.stringify(panels)};
  `;
  await writeFile(join(folder, "dashboard.ts"), program);
  const options = [
    "--ignoreConfig",
    "--strict",
    "--noEmit",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--types",
    "",
  ];
  const tsc = promisify(execFile)(join(here, "node_modules/.bin/tsc"), [...options, join(folder, "dashboard.ts")]);
  return tsc.then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  );
}

describe("redDashboard", () => {
  it("is what Grafana's own types say that a dashboard is", { timeout: 60_000 }, async () => {
    expect(await faultsOf(redDashboard())).toBe("");
    expect(redDashboard().schemaVersion).toBe(defaultDashboard.schemaVersion);
  });

  it.each<[string, (dashboard: any) => void, string]>([
    [
      "a field that there is not",
      (dashboard) => (dashboard.panels[0].options.colourMode = "value"),
      '"colourMode"\' does not exist',
    ],
    [
      "a mode that there is not",
      (dashboard) => (dashboard.panels[0].options.colorMode = "values"),
      "Type '\"values\"' is not assignable",
    ],
    ["a variable without a type", (dashboard) => delete dashboard.templating.list[0].type, "'type' is missing"],
  ])("would be found at fault for %s", { timeout: 60_000 }, async (_, spoil, fault) => {
    const dashboard = structuredClone(redDashboard());
    spoil(dashboard);
    expect(await faultsOf(dashboard)).toContain(fault);
  });

  it("has every panel in a place of its own, and every query under a name of its own", () => {
    const { panels } = redDashboard();
    expect(panels.map(({ id }) => id)).toEqual(panels.map((_, i) => i + 1));
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    for (const { targets } of panels) expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  });

  it("asks for the names, labels and quantiles that it is told of", () => {
    const { panels, templating, uid, title } = redDashboard({
      prefix: "shop_client_",
      labels: { job: 'a "b"\\c' },
      quantiles: [0.95, 0.999],
      expectedCodes: ["ok", "not_found"],
      uid: "shop",
      title: "Shop",
    });
    const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    for (const expression of [...expressions, ...templating.list.slice(1).map(({ query }) => query)]) {
      expect(expression).toMatch(/shop_client_request(s_in_flight|_duration_seconds_(bucket|count|sum))\{/);
      expect(expression).toContain('job="a \\"b\\"\\\\c"');
    }
    expect(expressions.filter((one) => one.includes('code!~"ok|not_found"'))).toHaveLength(3);
    expect(panels.flatMap(({ targets }) => targets.map(({ legendFormat }) => legendFormat))).toEqual(
      expect.arrayContaining(["p95", "p99.9"]),
    );
    expect([uid, title]).toEqual(["shop", "Shop"]);
  });

  it.each<[RedDashboardOptions, string]>([
    [{ prefix: "my-app_" }, 'redDashboard: prefix must be only letters, digits, "_" and ":", no digit first'],
    [{ uid: "" }, 'redDashboard: uid must be at most 40 letters, digits, "-" and "_"'],
    [{ uid: "x".repeat(41) }, "redDashboard: uid must be"],
    [{ labels: { "a-b": "1" } }, "redDashboard: labels must be"],
    [{ expectedCodes: ['"'] }, "redDashboard: expectedCodes must be"],
    [{ expectedCodes: [] }, "redDashboard: expectedCodes must be"],
    [{ quantiles: [] }, "redDashboard: quantiles must be ascending numbers between 0 and 1"],
    [{ quantiles: [0.9, 0.5] }, "redDashboard: quantiles must be"],
    [{ quantiles: [1] }, "redDashboard: quantiles must be"],
    [{ quantiles: [Number.NaN] }, "redDashboard: quantiles must be"],
  ])("refuses %j", (options, message) => {
    expect(() => redDashboard(options)).toThrow(TypeError);
    expect(() => redDashboard(options)).toThrow(message);
  });
});
