import type { IncomingMessage, ServerResponse } from "node:http";
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
 * Makes the handler for `/metrics`: answers GET and HEAD with {@link metricsPage}, in the format that the `Accept` header wants.
 *
 * @see promhttp.HandlerFor, which go-kit uses
 */
export function prometheusHandler(
  registry: Registry<RegistryContentType>,
  options: PrometheusHandlerOptions = {},
): PrometheusHandler {
  const { onError } = options;

  async function answer(method: string | undefined, accept: string): Promise<Answer> {
    if (method !== "GET" && method !== "HEAD") return { status: 405, headers: { allow: "GET, HEAD" }, body: "" };
    try {
      const { contentType, body } = await metricsPage(registry, accept);
      return { status: 200, headers: { "content-type": contentType, vary: "accept" }, body };
    } catch (error) {
      onError?.(error);
      return { status: 500, headers: { "content-type": "text/plain" }, body: "the metrics could not be collected\n" };
    }
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request.method, request.headers.accept ?? "").then(
      ({ status, headers, body }) => {
        response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
        response.end(request.method === "HEAD" ? undefined : body);
      },
      (error: Error) => response.destroy(error),
    );
  };
  return Object.assign(listener, {
    async fetch(request: Request): Promise<Response> {
      const { status, headers, body } = await answer(request.method, request.headers.get("accept") ?? "");
      return new Response(request.method === "HEAD" ? null : body, { status, headers });
    },
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

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
  let openMetrics = 0;
  let text = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim());
    const quality = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
    if (type === "application/openmetrics-text") openMetrics = Math.max(openMetrics, quality);
    else if (type === "text/plain" || type === "text/*" || type === "*/*") text = Math.max(text, quality);
  }
  return openMetrics > 0 && openMetrics >= text;
}
