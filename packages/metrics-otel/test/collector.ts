import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A metric as OTLP says it in JSON, as much of it as is looked at. */
interface OtlpMetric {
  readonly name: string;
  readonly description?: string;
  readonly unit?: string;
  readonly sum?: {
    readonly aggregationTemporality: number;
    readonly isMonotonic: boolean;
    readonly dataPoints: OtlpPoint[];
  };
  readonly gauge?: { readonly dataPoints: OtlpPoint[] };
  readonly histogram?: { readonly aggregationTemporality: number; readonly dataPoints: OtlpPoint[] };
}

export interface OtlpPoint {
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly asDouble?: number;
  readonly asInt?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly bucketCounts?: readonly number[];
  readonly explicitBounds?: readonly number[];
}

export interface Collector extends AsyncDisposable {
  readonly url: string;
  /** What was sent with each export. */
  readonly exports: OtlpMetric[][];
  /** The last of that name. */
  metric(name: string): OtlpMetric | undefined;
  /** All points of one series so far, the oldest first. */
  points(name: string, labels: Readonly<Record<string, string>>): OtlpPoint[];
}

/**
 * A stand-in for an OTLP collector: decodes what the exporter sends as JSON. The form is the one of
 * opentelemetry-proto, metrics/v1/metrics.proto, in its JSON encoding.
 *
 * @param answer - in its stead, for faults.
 */
export async function collector(
  answer: (response: ServerResponse) => void = (response) =>
    void response.writeHead(200, { "content-type": "application/json" }).end("{}"),
): Promise<Collector> {
  const exports: OtlpMetric[][] = [];
  const server = createServer((request, response) => void take(request).then(() => answer(response)));
  const take = async (request: IncomingMessage): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as {
      resourceMetrics: { scopeMetrics: { metrics: OtlpMetric[] }[] }[];
    };
    exports.push(body.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics)));
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const named = (name: string): OtlpMetric[] => exports.flat().filter((metric) => metric.name === name);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`,
    exports,
    metric: (name) => named(name).at(-1),
    points(name, labels) {
      const wanted = Object.entries(labels).filter(([, value]) => value !== "");
      return named(name)
        .flatMap(({ sum, gauge, histogram }) => (sum ?? gauge ?? histogram)!.dataPoints)
        .filter(
          ({ attributes }) =>
            attributes.length === wanted.length &&
            wanted.every(([key, value]) =>
              attributes.some((one) => one.key === key && one.value["stringValue"] === value),
            ),
        );
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
