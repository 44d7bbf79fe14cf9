import { Gauge, Histogram, Registry } from "prom-client";

/** Rate, errors and duration of one method, its label sets looked up once. */
export interface Measures {
  readonly registry: Registry;
  began(): void;
  ended(code: string, tookMs: number): void;
}

export function measures(prefix: string): Measures {
  const registry = new Registry();
  const of = { service: "sum", method: "sum" };
  const names = Object.keys(of);
  const inFlight = new Gauge({
    name: `${prefix}requests_in_flight`,
    help: "Calls that have begun and not ended.",
    labelNames: names,
    registers: [registry],
  }).labels(of);
  const durations = new Histogram({
    name: `${prefix}request_duration_seconds`,
    help: "Duration of calls in seconds, by outcome.",
    labelNames: [...names, "code"],
    registers: [registry],
  });
  const ok = durations.labels({ ...of, code: "ok" });
  return {
    registry,
    began: () => inFlight.inc(),
    ended(code, tookMs) {
      inFlight.dec();
      (code === "ok" ? ok : durations.labels({ ...of, code })).observe(tookMs / 1000);
    },
  };
}
