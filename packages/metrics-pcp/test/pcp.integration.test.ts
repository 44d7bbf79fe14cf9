import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pcp, startServer, whenStartable } from "@kit/servers";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { pcpMetrics } from "../src/index.ts";
import { mmvImage, type MmvMetric } from "../src/mmv.ts";
import { directoryOf, dump, labelsOf, seenBy, seenWith } from "./reader.ts";

vi.setConfig({ testTimeout: 120_000 });

whenStartable(pcp, () => {
  it("has every number in the collector", async () => {
    await using server = await startServer(pcp);
    const metrics = pcpMetrics({ name: "app", directory: directoryOf(server) });
    const numbers = [1, 0.1, 123_456_789, 1e-7, 1e21, 0.125, 1e300, 5e-324];
    for (const [i, number] of numbers.entries()) {
      metrics.counter(`c${i}`).add(number);
      metrics.gauge(`g${i}`).set(-number);
      metrics.histogram(`h${i}`).observe(number);
    }
    await metrics.close();
    const seen = await seenWith(server, "app", ({ g0 }) => g0 !== undefined);
    for (const [i, number] of numbers.entries()) {
      // PCP's client writes twelve digits.
      const written = Number(number.toPrecision(12));
      expect(seen[`c${i}`]).toEqual({ "": written });
      expect(seen[`g${i}`]).toEqual({ "": -written });
      expect(seen[`h${i}.p99`]).toEqual({ "": written });
    }
  });

  it("is followed by a collector that runs: values, new series, a file that was removed", async () => {
    await using server = await startServer(pcp);
    const metrics = pcpMetrics({ name: "app", directory: directoryOf(server), flushIntervalMs: 5 });
    const counter = metrics.counter("c", { labels: ["n"] });
    for (let n = 0; n < 20; n++) {
      counter.with({ n: `${n}` }).add(n);
      const seen = await seenWith(server, "app", ({ c }) => c?.[`n=${n}`] === n);
      expect(Object.keys(seen["c"]!)).toHaveLength(n + 1);
    }
    await rm(join(directoryOf(server), "app"));
    await seenWith(server, "app", ({ c }) => c?.["n=19"] === 19);
    await metrics.close();
  });

  it("has the labels of each instance in the collector as they were given, as far as PCP has room", async () => {
    await using server = await startServer(pcp);
    // A file whose number takes all bits that there are.
    const metrics = pcpMetrics({ name: "app", directory: directoryOf(server), cluster: 2047 });
    const counter = metrics.counter("c", { labels: ["a", "b", "not-for-pcp"] });
    const values = [
      "line\nbreak",
      'quo"te',
      "back\\slash",
      '"} 1\nforged{a="',
      "\0",
      "ünïcödé",
      "日本 👩‍🚀",
      "x".repeat(235),
    ];
    for (const a of values) counter.with({ a, b: "2", "not-for-pcp": "3" }).add(1);
    counter.with({ a: "x".repeat(236), b: "4" }).add(1);
    await metrics.close();
    const labels = await labelsOf(server, "app", "c");
    expect(labels.map(({ a, b }) => ({ a, b }))).toEqual([
      ...values.map((a) => ({ a, b: "2" })),
      { a: undefined, b: "4" },
    ]);
    expect(labels.some((one) => "not-for-pcp" in one)).toBe(false);
  });

  it("is there again after the collector was killed and started anew", async () => {
    await using server = await startServer(pcp);
    const metrics = pcpMetrics({ name: "app", directory: directoryOf(server), flushIntervalMs: 5 });
    const counter = metrics.counter("c");
    counter.add(3);
    await seenWith(server, "app", ({ c }) => c?.[""] === 3);
    await server.kill();
    counter.add(4);
    metrics.gauge("g").set(1);
    await server.restart();
    const seen = await seenWith(server, "app", ({ g }) => g?.[""] === 1);
    expect(seen["c"]).toEqual({ "": 7 });
    await metrics.close();
  });

  it("is not held up by a collector that is stopped", async () => {
    await using server = await startServer(pcp);
    const metrics = pcpMetrics({ name: "app", directory: directoryOf(server) });
    const counter = metrics.counter("c");
    server.pause();
    for (let i = 0; i < 100_000; i++) counter.add(1);
    await metrics.close();
    server.resume();
    expect((await seenBy(server, "app"))["c"]).toEqual({ "": 100_000 });
  });

  it("is forgotten when its process has ended, and nobody else's file with it", async () => {
    await using server = await startServer(pcp);
    const directory = directoryOf(server);
    await writeFile(join(directory, "garbage"), "MMV\0 or not");
    const metrics = pcpMetrics({ name: "app", directory, flushIntervalMs: 5 });
    metrics.counter("c").add(1);
    const entry = new URL("../dist/index.js", import.meta.url).href;
    const program = join(server.place.directory, "program.mjs");
    await writeFile(
      program,
      `import { pcpMetrics } from ${JSON.stringify(entry)};
       pcpMetrics({ name: "mortal", directory: ${JSON.stringify(directory)}, flushIntervalMs: 5 }).counter("c").add(2);
       process.on("message", () => {});`,
    );
    const child = fork(program);
    await seenWith(server, "mortal", ({ c }) => c?.[""] === 2);
    child.kill("SIGKILL");
    await once(child, "exit");
    await seenWith(server, "mortal", (seen) => Object.keys(seen).length === 0);
    expect((await seenBy(server, "app"))["c"]).toEqual({ "": 1 });
    await metrics.close();
  });

  describe("mmvImage", () => {
    it("is read by PCP's own reader as it was meant, whatever the metrics", async () => {
      const directory = await mkdtemp(join(tmpdir(), "kit-mmv-"));
      const path = join(directory, "file");
      const name = fc.stringMatching(/^[a-z]\w{0,40}(\.[a-z]\w{0,200})?$/).filter((text) => text.length < 256);
      const number = fc.integer({ min: -1e9, max: 1e9 });
      const shape = fc.record({
        name,
        counter: fc.boolean(),
        instances: fc.option(fc.uniqueArray(fc.stringMatching(/^[!-~]{1,255}$/), { minLength: 1, maxLength: 5 })),
        values: fc.array(number, { minLength: 5, maxLength: 5 }),
        help: fc.string({ unit: "grapheme-ascii", maxLength: 300 }).map((text) => text.trim()),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(shape, { minLength: 1, maxLength: 6, selector: (one) => one.name }),
          async (all) => {
            const metrics = all.map((one, item): MmvMetric => {
              const domain =
                one.instances === null
                  ? undefined
                  : {
                      serial: item + 1,
                      instances: one.instances.map((instance) => ({ name: instance, labels: { instance } })),
                    };
              return {
                name: one.name,
                item,
                semantics: one.counter ? "counter" : "instant",
                units: 0,
                help: one.help,
                domain,
                values: one.values.slice(0, domain?.instances.length ?? 1).map((value) => () => value),
              };
            });
            const { bytes } = mmvImage(metrics, { cluster: 7, pid: process.pid, generation: 2 ** 40 + 5 });
            await writeFile(path, bytes);
            const text = await dump(path);
            expect(text).not.toMatch(/^(Bad|Mismatched|Unrecognised)/m);
            expect(text).toContain(`Generated  = ${2 ** 40 + 5}\n`);
            const values = all.flatMap((one, item) =>
              one.instances === null
                ? [`[${item}/] ${one.name} = ${one.values[0]}.000000`]
                : one.instances.map(
                    (instance, i) => `[${item}/] ${one.name}[${i} or "${instance}"] = ${one.values[i]}.000000`,
                  ),
            );
            const lines = text.split("\n").map((line) => line.trim().replace(/^\[(\d+)\/\d+\]/, "[$1/]"));
            expect(lines).toEqual(expect.arrayContaining(values));
          },
        ),
        { numRuns: 50 },
      );
      await rm(directory, { recursive: true });
    });
  });
});
