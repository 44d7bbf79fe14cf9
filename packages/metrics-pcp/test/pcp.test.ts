import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { pcpMetrics, type PcpMetricsOptions } from "../src/index.ts";
import { read } from "./mmv-reader.ts";

vi.setConfig({ testTimeout: 60_000 });

async function setup(options: Partial<PcpMetricsOptions> = {}) {
  const directory = await mkdtemp(join(tmpdir(), "kit-pcp-"));
  const onError = vi.fn<(error: Error) => void>();
  const metrics = pcpMetrics({ name: "app", directory, flushIntervalMs: 5, onError, ...options });
  return {
    directory,
    metrics,
    onError,
    contents: async () => read(await readFile(join(directory, "app"))),
    /** Until the file is so. */
    async written(isSo: (metrics: ReturnType<typeof read>["metrics"]) => boolean) {
      const path = join(directory, "app");
      const there = () =>
        readFile(path).then(
          (bytes) => isSo(read(bytes).metrics),
          () => false,
        );
      await vi.waitUntil(there, { timeout: 30_000 });
    },
    async [Symbol.asyncDispose]() {
      await metrics.close();
      await rm(directory, { recursive: true });
    },
  };
}

describe("pcpMetrics", () => {
  it("writes what is counted, fractions too (go-kit TestCounter)", async () => {
    await using setting = await setup();
    const { metrics, contents } = setting;
    for (const delta of [1, 2.5, 0]) metrics.counter("speed").add(delta);
    await metrics.close();
    expect((await contents()).metrics["speed"]).toEqual({ semantics: 1, units: 0x100000, values: { "": 3.5 } });
  });

  it("writes where a gauge stands (go-kit TestGauge)", async () => {
    await using setting = await setup();
    const { metrics, contents } = setting;
    metrics.gauge("speed", { unit: "bytes" }).set(9);
    metrics.gauge("speed", { unit: "bytes" }).add(-12);
    await metrics.close();
    expect((await contents()).metrics["speed"]).toEqual({ semantics: 3, units: 0x10000000, values: { "": -3 } });
  });

  it("writes a histogram's count, sum, extremes and quantiles (go-kit TestHistogram)", async () => {
    await using setting = await setup({ bins: 100 });
    const { metrics, contents } = setting;
    const histogram = metrics.histogram("speed", { unit: "seconds" });
    for (let value = 1; value <= 100; value++) histogram.observe(value);
    metrics.histogram("empty");
    await metrics.close();
    const { metrics: written } = await contents();
    const parts = { count: 100, sum: 5050, min: 1, max: 100, p50: 50, p90: 90, p95: 95, p99: 99 };
    for (const [part, value] of Object.entries(parts)) {
      expect(written[`speed.${part}`]).toEqual({
        semantics: part === "count" || part === "sum" ? 1 : 3,
        units: part === "count" ? 0x100000 : 0x1003000,
        values: { "": value },
      });
      expect(written[`empty.${part}`]!.values).toEqual({ "": 0 });
    }
  });

  it("makes each label set an instance, in whose name nothing is lost", async () => {
    await using setting = await setup();
    const { metrics, contents } = setting;
    const counter = metrics.counter("orders", { labels: ["country", "city"] });
    counter.with({ city: "Bad Köln, D=1", country: "de" }).add(1);
    counter.with({ country: "fr" }).add(2);
    counter.add(4);
    counter.with({ country: "x".repeat(255), city: "a" }).add(8);
    counter.with({ country: "x".repeat(255), city: "b" }).add(16);
    await metrics.close();
    expect((await contents()).metrics["orders"]!.values).toEqual({
      "country=de,city=Bad%20K%C3%B6ln%2C%20D%3D1": 1,
      "country=fr": 2,
      "-": 4,
      [`country=${"x".repeat(232)}#3`]: 8,
      [`country=${"x".repeat(232)}#4`]: 16,
    });
  });

  it("knows a metric and a file by their names, so that archives of several runs fit", async () => {
    await using one = await setup();
    await using other = await setup();
    one.metrics.counter("a").add();
    one.metrics.counter("b").add();
    other.metrics.counter("b").add();
    other.metrics.counter("a").add();
    await Promise.all([one.metrics.close(), other.metrics.close()]);
    const [first, second] = [await one.contents(), await other.contents()];
    expect(first.items["a"]).toBe(second.items["a"]);
    expect(first.items["b"]).toBe(second.items["b"]);
    expect(first.header.cluster).toBe(second.header.cluster);
    expect(first.header.pid).toBe(process.pid);
  });

  it("cuts a help text after 255 bytes, and never within a character", async () => {
    await using setting = await setup();
    const { metrics, contents } = setting;
    metrics.counter("a", { help: `a${"ü".repeat(300)}` }).add();
    await metrics.close();
    expect((await contents()).helps["a"]).toBe(`a${"ü".repeat(127)}`);
  });

  it("writes values in place, and a new file for a new series", async () => {
    await using setting = await setup();
    const { metrics, directory, written } = setting;
    const counter = metrics.counter("a");
    await written(({ a }) => a !== undefined);
    const path = join(directory, "app");
    const before = await stat(path);
    counter.add(1);
    await written(({ a }) => a!.values[""] === 1);
    expect((await stat(path)).ino).toBe(before.ino);
    metrics.counter("b");
    await written(({ b }) => b !== undefined);
    expect((await stat(path)).ino).not.toBe(before.ino);
    expect(await readdir(directory)).toEqual(["app"]);
  });

  it("lets another user read the file, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      await using setting = await setup();
      await setting.metrics.close();
      expect((await stat(join(setting.directory, "app"))).mode & 0o777).toBe(0o644);
    } finally {
      process.umask(before);
    }
  });

  it("follows no link that somebody has put in its way", async () => {
    await using setting = await setup({ flushIntervalMs: 600_000 });
    const { metrics, contents, directory } = setting;
    const victim = join(directory, "victim");
    await writeFile(victim, "mine");
    await symlink(victim, join(directory, ".app.next"));
    await symlink(victim, join(directory, "app"));
    metrics.counter("a").add(1);
    await metrics.close();
    expect(await readFile(victim, "utf8")).toBe("mine");
    expect((await contents()).metrics["a"]!.values).toEqual({ "": 1 });
  });

  it("writes the file again when somebody has removed it", async () => {
    await using setting = await setup();
    const { metrics, contents, directory, written } = setting;
    metrics.counter("a").add(1);
    await written(({ a }) => a?.values[""] === 1);
    await rm(join(directory, "app"));
    await written(({ a }) => a !== undefined);
    expect((await contents()).metrics["a"]!.values).toEqual({ "": 1 });
  });

  it("loses nothing where it cannot write, says so once, and writes it all when it can", async () => {
    const root = await mkdtemp(join(tmpdir(), "kit-pcp-"));
    const directory = join(root, "not", "there");
    const onError = vi.fn<(error: Error) => void>();
    const metrics = pcpMetrics({ name: "app", directory, flushIntervalMs: 5, onError });
    const counter = metrics.counter("a");
    for (let i = 0; i < 100_000; i++) counter.add(1);
    await vi.waitUntil(() => onError.mock.calls.length > 0, { timeout: 30_000 });
    counter.add(1);
    await mkdir(directory, { recursive: true });
    const path = join(directory, "app");
    const whole = () =>
      readFile(path).then(
        (bytes) => read(bytes).metrics["a"]!.values[""] === 100_001,
        () => false,
      );
    await vi.waitUntil(whole, { timeout: 30_000 });
    expect(onError.mock.calls).toEqual([[expect.objectContaining({ code: "ENOENT" })]]);
    await metrics.close();
    expect(onError).toHaveBeenCalledTimes(1);
    await rm(root, { recursive: true });
  });

  it("says at close when the file could not be written", async () => {
    const onError = vi.fn<(error: Error) => void>();
    const metrics = pcpMetrics({ name: "app", directory: "/dev/null/mmv", onError });
    metrics.counter("a").add(1);
    await metrics.close();
    expect(onError.mock.calls).toEqual([
      [expect.objectContaining({ code: "ENOTDIR" })],
      [new Error("pcpMetrics: closed with values unwritten")],
    ]);
  });

  it("counts values of series for which PCP has no room", async () => {
    await using setting = await setup({ flushIntervalMs: 600_000 });
    const { metrics, contents } = setting;
    const histogram = metrics.histogram("h", { labels: ["n"] });
    for (let n = 0; n < 1500; n++) histogram.with({ n: `${n}` }).observe(1);
    const gauge = metrics.gauge("g", { labels: ["n"] });
    for (let n = 0; n < 10; n++) gauge.with({ n: `${n}` }).set(1);
    gauge.with({ n: "9" }).add(1);
    await metrics.close();
    const { metrics: written, values } = await contents();
    expect(values).toBe(10_000);
    // 1249 histograms of 8 values and the count itself leave room for 7 more.
    expect(Object.keys(written["h.count"]!.values)).toHaveLength(1249);
    expect(Object.keys(written["g"]!.values)).toHaveLength(7);
    expect(written["metrics_dropped_total"]!.values).toEqual({ "": 1500 - 1249 + 3 + 1 });
  });

  it("does not keep the process alive, and writes a last time at close", async () => {
    await using setting = await setup();
    const { directory } = setting;
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const program = (last: string) => `
      import { pcpMetrics } from ${JSON.stringify(entry)};
      const metrics = pcpMetrics({ name: "other", directory: ${JSON.stringify(directory)}, flushIntervalMs: 60_000 });
      metrics.counter("c").add(7);
      ${last}`;
    const run = (last: string) => promisify(execFile)(process.execPath, ["--input-type=module", "-e", program(last)]);
    const there = () => readdir(directory).then((files) => files.includes("other"));
    expect((await run("")).stdout).toBe("");
    expect(await there()).toBe(false);
    expect((await run('await metrics.close(); console.log("closed");')).stdout).toBe("closed\n");
    expect(read(await readFile(join(directory, "other"))).metrics["c"]!.values).toEqual({ "": 7 });
  });

  it("finds PCP's folder as PCP's own programs do", async () => {
    const root = await mkdtemp(join(tmpdir(), "kit-pcp-"));
    await mkdir(join(root, "a", "mmv"), { recursive: true });
    await mkdir(join(root, "b", "mmv"), { recursive: true });
    await writeFile(join(root, "pcp.conf"), `PCP_DIR=/\nPCP_TMP_DIR=${root}/a\n`);
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const program = `import { pcpMetrics } from ${JSON.stringify(entry)}; await pcpMetrics({ name: "app" }).close();`;
    const run = (env: Record<string, string>) =>
      promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], { env });
    await run({ PCP_CONF: join(root, "pcp.conf") });
    expect(await readdir(join(root, "a", "mmv"))).toEqual(["app"]);
    await run({ PCP_CONF: join(root, "pcp.conf"), PCP_TMP_DIR: join(root, "b") });
    expect(await readdir(join(root, "b", "mmv"))).toEqual(["app"]);
    await rm(root, { recursive: true });
  });

  it.each<[string, object, string]>([
    ["name", { name: undefined }, 'pcpMetrics: name must be 1 to 64 letters, digits and "_"'],
    ["name", { name: "my-app" }, "got my-app"],
    ["name", { name: "../app" }, "got ../app"],
    ["name", { name: "1app" }, "got 1app"],
    ["directory", { directory: "" }, "pcpMetrics: directory must be a string that is not empty, got "],
    ["cluster", { cluster: 0 }, "pcpMetrics: cluster must be an integer from 1 to 2047, got 0"],
    ["cluster", { cluster: 2048 }, "pcpMetrics: cluster must be an integer from 1 to 2047, got 2048"],
    ["bins", { bins: 0 }, "pcpMetrics: bins must be an integer from 1 to 10000, got 0"],
    ["flushIntervalMs", { flushIntervalMs: 0 }, "pcpMetrics: flushIntervalMs must be a positive integer, got 0"],
  ])("refuses a wrong option: %s", (_, options, message) => {
    const make = () => pcpMetrics({ name: "app", ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses what PCP cannot name or has no room for", async () => {
    await using setting = await setup();
    const { metrics } = setting;
    for (const name of ["a-b", "4xx", "a.4xx", "a..b", "a b", "ä", "x".repeat(256)]) {
      expect(() => metrics.counter(name)).toThrow(`"${name}" cannot be a name`);
    }
    metrics.counter("http.requests");
    metrics.histogram("wait");
    expect(() => metrics.gauge("http")).toThrow('"http" cannot stand beside "http.requests" in "app"');
    expect(() => metrics.gauge("http.requests.open")).toThrow('cannot stand beside "http.requests"');
    expect(() => metrics.gauge("wait.p50")).toThrow('"wait.p50" cannot stand beside "wait.p50"');
    expect(() => metrics.gauge("wait")).toThrow("is a histogram already");
    for (let i = 0; i < 126; i++) metrics.histogram(`h${i}`);
    for (let i = 0; i < 4; i++) metrics.gauge(`g${i}`);
    expect(() => metrics.gauge("full")).toThrow('"full" is more than PCP reads of one file, 1023 metrics');
  });
});
