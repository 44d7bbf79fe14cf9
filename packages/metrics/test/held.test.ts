import { describe, expect, it, vi } from "vitest";
import { flushEvery, heldSeries, pathOf, requireName } from "../src/push.ts";

describe("heldSeries", () => {
  it("sends what was added to a counter since the last flush, and nothing when that is nothing", () => {
    const held = heldSeries();
    const send = vi.fn<(sum: number) => boolean>(() => true);
    const counter = held.counter("c", send);
    held.flush();
    counter.add(1);
    counter.add(2.5);
    held.flush();
    held.flush();
    counter.add(4);
    held.flush();
    expect(send.mock.calls).toEqual([[3.5], [4]]);
  });

  it("keeps a counter's sum for as long as it is not taken", () => {
    const held = heldSeries();
    const send = vi.fn<(sum: number) => boolean>(() => false);
    const counter = held.counter("c", send);
    counter.add(1);
    held.flush();
    counter.add(2);
    send.mockReturnValue(true);
    held.flush();
    held.flush();
    expect(send.mock.calls).toEqual([[1], [3]]);
  });

  it("keeps a gauge's value between flushes, as go-kit's statsd does not (issue #578)", () => {
    const held = heldSeries();
    const send = vi.fn<(value: number) => boolean>(() => true);
    const gauge = held.gauge("g", send);
    held.flush();
    gauge.set(5);
    held.flush();
    gauge.add(-7);
    held.flush();
    held.flush();
    expect(send.mock.calls).toEqual([[5], [-2], [-2]]);
  });

  it("has one series a key, and sends counters before gauges", () => {
    const held = heldSeries();
    const sent: string[] = [];
    const send = (name: string) => (value: number) => sent.push(`${name} ${value}`) > 0;
    held.gauge("same", send("gauge")).set(1);
    held.counter("same", send("counter")).add(1);
    held.counter("same", send("another")).add(2);
    held.flush();
    expect(sent).toEqual(["counter 3", "gauge 1"]);
  });

  it("stays finite", () => {
    const held = heldSeries();
    const send = vi.fn<(value: number) => boolean>(() => true);
    const counter = held.counter("c", send);
    counter.add(Number.MAX_VALUE);
    counter.add(Number.MAX_VALUE);
    const gauge = held.gauge("g", send);
    gauge.add(-Number.MAX_VALUE);
    gauge.add(-Number.MAX_VALUE);
    held.flush();
    expect(send.mock.calls).toEqual([[Number.MAX_VALUE], [-Number.MAX_VALUE]]);
  });
});

describe("pathOf", () => {
  it("puts labels into the name, and only what may stand there", () => {
    expect(pathOf("calls", {})).toBe("calls");
    expect(pathOf("calls", { method: "sum", code: "not_found" })).toBe("calls.method.sum.code.not_found");
    expect(pathOf("calls", { path: "/a.b:c|d\né" })).toBe("calls.path._a_b_c_d__");
  });

  it.each(["", ".a", "a.", "a..b", "a b", "a:b", "a|b", "é"])("has no name %j", (name) => {
    expect(() => requireName("test", name)).toThrow(TypeError);
  });

  it("has no label with a dot", () => {
    expect(() => requireName("test", "a.b-c_d", ["e", "f.g"])).toThrow('test: "f.g" cannot be a label of "a.b-c_d"');
  });
});

describe("flushEvery", () => {
  it("flushes from time to time until it is stopped", () => {
    vi.useFakeTimers();
    try {
      const flush = vi.fn<() => void>();
      const stop = flushEvery("test", 100, flush);
      vi.advanceTimersByTime(250);
      stop();
      vi.advanceTimersByTime(1000);
      expect(flush).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([0, 1.5, -1, Number.NaN, 2 ** 31])("refuses the interval %d", (interval) => {
    expect(() => flushEvery("test", interval, () => {})).toThrow("test: flushIntervalMs must be a positive integer");
  });
});
