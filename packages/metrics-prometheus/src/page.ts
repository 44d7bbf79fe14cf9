import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { prometheusContentType, type Registry, type RegistryContentType } from "prom-client";

/** Everything in a registry as Prometheus reads it. */
export interface MetricsPage {
  readonly contentType: RegistryContentType;
  readonly body: string;
}

/**
 * Renders a registry: in its own format, or in the plain text format for an `accept` header that does not want OpenMetrics.
 *
 * A registry in the text format is never rendered as OpenMetrics, for counters whose names do not end in `_total` would get other names.
 *
 * @throws what a `collect` function of yours throws.
 */
export async function metricsPage(registry: Registry<RegistryContentType>, accept?: string): Promise<MetricsPage> {
  const contentType = accept === undefined || wantsOpenMetrics(accept) ? registry.contentType : prometheusContentType;
  return { contentType, body: await viewOf(registry, contentType).metrics() };
}

export interface PrometheusHandlerOptions {
  /** Told why a page could not be rendered; the scraper gets a 500 without the reason. @default nobody is told */
  readonly onError?: (error: unknown) => void;
}

/** Serves a registry: a listener for Node's HTTP servers, and `fetch` for all others. Which path it is on is up to you. */
export interface PrometheusHandler {
  (request: IncomingMessage, response: ServerResponse): void;
  fetch(request: Request): Promise<Response>;
}

/**
 * Makes the handler for `/metrics`: answers GET and HEAD with {@link metricsPage}, in the format that the `Accept` header wants and gzipped
 * for whoever takes that. Who may ask is up to you.
 *
 * @see promhttp.HandlerFor, which go-kit uses
 */
export function prometheusHandler(
  registry: Registry<RegistryContentType>,
  options: PrometheusHandlerOptions = {},
): PrometheusHandler {
  const { onError } = options;

  async function answer(method: string | undefined, accept: string, encodings: string): Promise<Answer> {
    if (method !== "GET" && method !== "HEAD") return { status: 405, headers: { allow: "GET, HEAD" }, body: "" };
    try {
      const page = await metricsPage(registry, accept);
      const headers = { "content-type": page.contentType, vary: "accept, accept-encoding" };
      const body = Buffer.from(page.body);
      if (body.length < worthZipping || qualityOf(encodings, ["gzip"]) === 0) return { status: 200, headers, body };
      return { status: 200, headers: { ...headers, "content-encoding": "gzip" }, body: await zipped(body, fastest) };
    } catch (error) {
      onError?.(error);
      return { status: 500, headers: { "content-type": "text/plain" }, body: "the metrics could not be collected\n" };
    }
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { accept = "", "accept-encoding": encodings = "" } = request.headers;
    answer(request.method, accept, encodings).then(
      ({ status, headers, body }) => {
        response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
        response.end(request.method === "HEAD" ? undefined : body);
      },
      (error: Error) => response.destroy(error),
    );
  };
  return Object.assign(listener, {
    async fetch(request: Request): Promise<Response> {
      const [accept, encodings] = ["accept", "accept-encoding"].map((name) => request.headers.get(name) ?? "");
      const { status, headers, body } = await answer(request.method, accept!, encodings!);
      return new Response(request.method === "HEAD" ? null : body, { status, headers });
    },
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer<ArrayBuffer>;
}

/** In bytes; what fits into one packet travels no faster for being smaller. */
const worthZipping = 1400;
const zipped = promisify(gzip) as (body: Buffer, options: object) => Promise<Buffer<ArrayBuffer>>;
/** A page repeats itself so much that more effort gains little. */
const fastest = { level: constants.Z_BEST_SPEED };

/**
 * The same registry in that format. prom-client has the format on the registry and, to write OpenMetrics, takes `_total` off the
 * counters' names for good: two scrapers that want different formats would spoil each other's page. So both stand on a copy here.
 */
function viewOf(
  registry: Registry<RegistryContentType>,
  contentType: RegistryContentType,
): Registry<RegistryContentType> {
  return Object.create(registry, {
    contentType: { value: contentType },
    getMetricsAsArray: {
      value: () =>
        registry.getMetricsAsArray().map((metric) => {
          const { name, collect } = metric;
          const full = registry.getSingleMetric(`${name}_total`) === (metric as unknown) ? `${name}_total` : name;
          return Object.create(metric, {
            name: { value: full, writable: true },
            collect: { value: collect && (() => collect.call(metric)) },
          });
        }),
    },
  });
}

function wantsOpenMetrics(accept: string): boolean {
  const openMetrics = qualityOf(accept, ["application/openmetrics-text"]);
  return openMetrics > 0 && openMetrics >= qualityOf(accept, ["text/plain", "text/*", "*/*"]);
}

/** The best that a header such as `Accept` says of one of these, 0 if it names none. */
function qualityOf(header: string, wanted: readonly string[]): number {
  let best = 0;
  for (const range of header.toLowerCase().split(",")) {
    const [name, ...parameters] = range.split(";").map((part) => part.trim());
    const quality = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
    if (wanted.includes(name!) && quality > best) best = quality;
  }
  return best;
}
