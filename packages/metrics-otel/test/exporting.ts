import type { Meter } from "@opentelemetry/api";
import { AggregationTemporalityPreference, OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader, type ViewOptions } from "@opentelemetry/sdk-metrics";

export interface Exporting extends AsyncDisposable {
  readonly provider: MeterProvider;
  readonly meter: Meter;
  /** Sends what there is. */
  readonly flush: () => Promise<void>;
}

/** The real SDK and its own exporter, which sends when it is told to. */
export function exporting(
  url: string,
  options: {
    readonly temporality?: "cumulative" | "delta";
    readonly views?: ViewOptions[];
    readonly timeoutMs?: number;
  } = {},
): Exporting {
  const { temporality = "cumulative", views = [], timeoutMs = 30_000 } = options;
  const temporalityPreference =
    temporality === "delta" ? AggregationTemporalityPreference.DELTA : AggregationTemporalityPreference.CUMULATIVE;
  const exporter = new OTLPMetricExporter({ url, temporalityPreference, timeoutMillis: timeoutMs });
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ "service.name": "shop", "service.instance.id": "one" }),
    views,
    readers: [
      new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000, exportTimeoutMillis: timeoutMs }),
    ],
  });
  return {
    provider,
    meter: provider.getMeter("test"),
    flush: () => provider.forceFlush(),
    [Symbol.asyncDispose]: () => provider.shutdown().catch(() => {}),
  };
}
