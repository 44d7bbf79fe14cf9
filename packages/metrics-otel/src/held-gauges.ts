import type { GaugeSeries } from "@kit/metrics";
import type { Attributes, Meter, MetricOptions } from "@opentelemetry/api";

interface Held {
  readonly attributes: Attributes;
  value: number | undefined;
}

/** By meter and name, for a meter gives out one instrument a name: two providers of one meter write to the same gauge. */
const all = new WeakMap<Meter, Map<string, Map<string, Held>>>();

/**
 * Opens the series of a gauge that is asked for its values when they are collected. One that is told them forgets, where differences are
 * sent, those that have not changed since.
 */
export function heldGauge(meter: Meter, name: string, options: MetricOptions): (attributes: Attributes) => GaugeSeries {
  let gauges = all.get(meter);
  if (gauges === undefined) all.set(meter, (gauges = new Map()));
  let series = gauges.get(name);
  if (series === undefined) {
    const held = new Map<string, Held>();
    meter.createObservableGauge(name, options).addCallback((result) => {
      for (const { attributes, value } of held.values()) if (value !== undefined) result.observe(value, attributes);
    });
    gauges.set(name, (series = held));
  }
  const found = series;
  return (attributes) => {
    const key = keyOf(attributes);
    let held = found.get(key);
    if (held === undefined) found.set(key, (held = { attributes, value: undefined }));
    const one = held;
    return {
      set: (value) => void (one.value = value),
      add: (delta) => void (one.value = (one.value ?? 0) + delta),
    };
  };
}

function keyOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
