import type { Labels } from "@kit/metrics";

export interface RedDashboardOptions {
  /** What stands before `request_duration_seconds` in Prometheus: the `prefix` of `prometheusMetrics`, then the one of `measured`. @default "" */
  readonly prefix?: string;
  /** @default "Requests" */
  readonly title?: string;
  /** By which Grafana knows the dashboard again when it is loaded anew; at most 40 letters, digits, `-` and `_`. @default "kit-red" */
  readonly uid?: string;
  /** What every series must have, such as `{ job: "shop" }`, so that one Prometheus can serve several dashboards. @default none */
  readonly labels?: Labels;
  /** The codes that are no errors; add those that blame the caller if you do not want to see them. @default ["ok"] */
  readonly expectedCodes?: readonly string[];
  /** Of the duration, ascending, each between 0 and 1; the last one is also shown by method. @default [0.5, 0.9, 0.99] */
  readonly quantiles?: readonly number[];
}

/** A dashboard as Grafana's HTTP API and its provisioning take it, in JSON. */
export interface RedDashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly schemaVersion: number;
  readonly editable: boolean;
  readonly graphTooltip: number;
  readonly refresh: string;
  readonly time: { readonly from: string; readonly to: string };
  readonly annotations: { readonly list: readonly never[] };
  readonly templating: { readonly list: readonly DashboardVariable[] };
  readonly panels: readonly DashboardPanel[];
}

export interface DashboardVariable {
  readonly name: string;
  readonly label: string;
  readonly type: "datasource" | "query";
  readonly query: string;
  readonly datasource?: DatasourceRef;
  readonly refresh?: number;
  readonly sort?: number;
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string;
}

export interface DashboardPanel {
  readonly id: number;
  readonly type: "heatmap" | "stat" | "timeseries";
  readonly title: string;
  readonly description: string;
  readonly datasource: DatasourceRef;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly DashboardTarget[];
  readonly fieldConfig: { readonly defaults: Readonly<Record<string, unknown>>; readonly overrides: readonly never[] };
  readonly options: Readonly<Record<string, unknown>>;
}

export interface DashboardTarget {
  readonly refId: string;
  /** In PromQL, with Grafana's variables. */
  readonly expr: string;
  readonly legendFormat: string;
  readonly range: boolean;
  readonly exemplar: boolean;
  readonly format: "heatmap" | "time_series";
}

interface DatasourceRef {
  readonly type: "prometheus";
  readonly uid: string;
}

/** Grafana 13's. */
const schemaVersion = 42;
const datasource: DatasourceRef = { type: "prometheus", uid: "${datasource}" };

/**
 * Makes a Grafana dashboard of what `measured` writes: rate, errors and duration of calls, and how many are in flight, by service,
 * method and code. Write it to a file with `JSON.stringify`.
 *
 * It asks Prometheus, whether that scrapes `prometheusMetrics` or is sent OTLP. Its variables are the data source, service and method.
 *
 * @throws {TypeError} when an option is wrong.
 */
export function redDashboard(options: RedDashboardOptions = {}): RedDashboard {
  const { prefix = "", title = "Requests", uid = "kit-red", labels = {} } = options;
  const { expectedCodes = ["ok"], quantiles = [0.5, 0.9, 0.99] } = options;
  insist(/^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/.test(prefix), "prefix", 'only letters, digits, "_" and ":", no digit first');
  insist(/^[\w-]{1,40}$/.test(uid), "uid", 'at most 40 letters, digits, "-" and "_"');
  insist(
    Object.keys(labels).every((label) => /^[a-zA-Z_]\w*$/.test(label)),
    "labels",
    'named by letters, digits and "_", no digit first',
  );
  insist(
    expectedCodes.length > 0 && expectedCodes.every((code) => /^\w+$/.test(code)),
    "expectedCodes",
    "codes, at least one",
  );
  insist(
    quantiles.length > 0 && quantiles.every((q, i) => q > (quantiles[i - 1] ?? 0) && q < 1),
    "quantiles",
    "ascending numbers between 0 and 1",
  );

  const durations = `${prefix}request_duration_seconds`;
  const inFlight = `${prefix}requests_in_flight`;
  const fixed = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  const chosen = [...fixed, 'service=~"$service"', 'method=~"$method"'];
  const failed = `code!~"${expectedCodes.join("|")}"`;

  const matching = (matchers: readonly string[]): string => (matchers.length > 0 ? `{${matchers.join(",")}}` : "");
  const summed = (by: string, operand: string): string =>
    by === "" ? `sum(${operand})` : `sum by (${by}) (${operand})`;
  const rate = (of: "bucket" | "count" | "sum", by: string, ...matchers: string[]): string =>
    summed(by, `rate(${durations}_${of}${matching([...chosen, ...matchers])}[$__rate_interval])`);
  // Where nothing fails there is no series to divide.
  const failing = (by: string): string =>
    `(${rate("count", by, failed)} or 0 * ${rate("count", by)}) / ${rate("count", by)}`;
  const quantile = (q: number, by: string): string =>
    `histogram_quantile(${q}, ${rate("bucket", by === "" ? "le" : `${by}, le`)})`;

  const worst = quantiles.at(-1)!;
  const byMethod = "service, method";
  const method = "{{service}}/{{method}}";
  const panels = [
    stat("Rate", "Calls a second.", "reqps", rate("count", "")),
    stat("Errors", "The share of calls that failed.", "percentunit", failing("")),
    stat(`Duration, ${named(worst)}`, `So many are no slower: ${percent(worst)}.`, "s", quantile(worst, "")),
    stat("In flight", "Calls that have begun and not ended.", "short", summed("", inFlight + matching(chosen))),
    lines("Rate by method", "Calls a second.", "reqps", [[method, rate("count", byMethod)]]),
    lines("Rate by code", "Calls a second, by how they ended.", "reqps", [["{{code}}", rate("count", "code")]]),
    lines(
      "Share of errors by method",
      `Of all calls, those whose code is not ${expectedCodes.join(" or ")}.`,
      "percentunit",
      [[method, failing(byMethod)]],
    ),
    lines("Errors by method and code", "Failed calls a second.", "reqps", [
      [`${method}: {{code}}`, rate("count", `${byMethod}, code`, failed)],
    ]),
    lines("Duration", "By quantile, and the mean.", "s", [
      ...quantiles.map((q): [string, string] => [named(q), quantile(q, "")]),
      ["mean", `${rate("sum", "")} / ${rate("count", "")}`],
    ]),
    lines(`Duration by method, ${named(worst)}`, `So many are no slower: ${percent(worst)}.`, "s", [
      [method, quantile(worst, byMethod)],
    ]),
    heatmap(
      "Durations",
      "How many calls took how long.",
      summed("le", `increase(${durations}_bucket${matching(chosen)}[$__rate_interval])`),
    ),
    lines("In flight by method", "Calls that have begun and not ended.", "short", [
      [method, summed(byMethod, inFlight + matching(chosen))],
    ]),
  ];

  const series = (...matchers: string[]): string => `${durations}_count${matching([...fixed, ...matchers])}`;
  return {
    uid,
    title,
    description: `Rate, errors and duration of calls: ${durations}, ${inFlight}.`,
    tags: ["kit", "red"],
    schemaVersion,
    editable: true,
    // One cross hair over all panels.
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    // Grafana's own libraries insist on it.
    annotations: { list: [] },
    templating: {
      list: [
        { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
        choice("service", "Service", `label_values(${series()}, service)`),
        choice("method", "Method", `label_values(${series('service=~"$service"')}, method)`),
      ],
    },
    panels: placed(panels),
  };
}

function insist(holds: boolean, option: string, rule: string): void {
  if (!holds) throw new TypeError(`redDashboard: ${option} must be ${rule}`);
}

function choice(name: string, label: string, query: string): DashboardVariable {
  // Asked for again with each range of time, sorted by name. All are also those that have no such label.
  const asked = { datasource, refresh: 2, sort: 1, multi: true, includeAll: true, allValue: ".*" };
  return { name, label, type: "query", query, ...asked };
}

/** A panel that has no place yet. */
type Panel = Omit<DashboardPanel, "id" | "gridPos">;

/** As `p99` and `p99.9`. */
const named = (q: number): string => `p${Number((q * 100).toPrecision(12))}`;
const percent = (q: number): string => `${named(q).slice(1)} %`;

function target(expr: string, legendFormat: string, i = 0): DashboardTarget {
  const refId = String.fromCharCode("A".charCodeAt(0) + i);
  // Exemplars are those of the buckets.
  return { refId, expr, legendFormat, range: true, exemplar: expr.includes("_bucket"), format: "time_series" };
}

function stat(title: string, description: string, unit: string, expr: string): Panel {
  return {
    type: "stat",
    title,
    description,
    datasource,
    targets: [target(expr, title)],
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: {
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      orientation: "auto",
      colorMode: "value",
      graphMode: "area",
      justifyMode: "auto",
      textMode: "auto",
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: "standard",
    },
  };
}

function lines(
  title: string,
  description: string,
  unit: string,
  targets: readonly [legend: string, expr: string][],
): Panel {
  return {
    type: "timeseries",
    title,
    description,
    datasource,
    targets: targets.map(([legend, expr], i) => target(expr, legend, i)),
    fieldConfig: { defaults: { unit, min: 0, custom: { drawStyle: "line", fillOpacity: 10 } }, overrides: [] },
    options: {
      legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
      tooltip: { mode: "multi", sort: "desc" },
    },
  };
}

function heatmap(title: string, description: string, expr: string): Panel {
  return {
    type: "heatmap",
    title,
    description,
    datasource,
    targets: [{ ...target(expr, "{{le}}"), format: "heatmap" }],
    fieldConfig: { defaults: {}, overrides: [] },
    options: {
      // The buckets are in the series already.
      calculate: false,
      color: { mode: "scheme", scheme: "Oranges", steps: 64, reverse: false, exponent: 0.5, fill: "dark-orange" },
      exemplars: { color: "rgba(255,0,255,0.7)" },
      legend: { show: true },
      showValue: "never",
      tooltip: { mode: "single" },
      yAxis: { unit: "s" },
    },
  };
}

/** The four single numbers in a row, the rest below in pairs; a row is 24 wide. */
function placed(panels: readonly Panel[]): DashboardPanel[] {
  return panels.map((panel, i) => {
    const below = i - 4;
    const gridPos =
      below < 0
        ? { x: i * 6, y: 0, w: 6, h: 4 }
        : { x: (below % 2) * 12, y: 4 + Math.floor(below / 2) * 8, w: 12, h: 8 };
    return { id: i + 1, ...panel, gridPos };
  });
}
