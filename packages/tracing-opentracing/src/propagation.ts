import type { Context } from "@kit/endpoint";
import { type Incoming, type OnError, type Outgoing, tell } from "@kit/tracing";
import { FORMAT_HTTP_HEADERS, type SpanContext, Tags, type Tracer } from "opentracing";
import { contextOf, type Parent, parent } from "./parent.ts";

/** Options of both hooks. */
interface PropagationOptions {
  /** The tracer's own format of a carrier; `FORMAT_TEXT_MAP` is what go-kit writes over gRPC. @default FORMAT_HTTP_HEADERS, whose values every wire can take */
  readonly format?: string;
  /** Hears of what the tracer throws; no call fails for it. @default nobody hears */
  readonly onError?: OnError;
}

export interface ExtractTraceOptions extends PropagationOptions {
  /** What the tracer reads, in lower case: not all wires can list what came. Baggage has names of its own with some tracers, `uberctx-tenant` with Jaeger's. @default those of Jaeger, B3, W3C, Datadog and the basic tracers */
  readonly headers?: readonly string[];
}

export interface InjectTraceOptions extends PropagationOptions {
  /** Where the client sends to, a URL or `host:port`, for the tags `peer.hostname`, `peer.port` and `http.url`; a message does not know. @default no such tags, and of `http.url` the path */
  readonly peer?: string | URL;
}

const knownHeaders: readonly string[] = [
  "uber-trace-id",
  "jaeger-debug-id",
  "jaeger-baggage",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "traceparent",
  "tracestate",
  "baggage",
  "x-datadog-trace-id",
  "x-datadog-parent-id",
  "x-datadog-sampling-priority",
  "x-datadog-origin",
  "x-datadog-tags",
  "ot-tracer-traceid",
  "ot-tracer-spanid",
  "ot-tracer-sampled",
];

/**
 * For a server's `before`, on any transport: what `traced` opens for the call is then a child of the caller's span; over HTTP it has the
 * tags `http.method` and `http.url`, the path of it, since a query may hold secrets. Without such a header it is the root of a new trace.
 *
 * It opens no span itself, as go-kit's does, which then nobody ends.
 *
 * @throws {TypeError} when `tracer` is none.
 * @see go-kit tracing/opentracing HTTPToContext, GRPCToContext
 */
export function extractTrace(
  tracer: Tracer,
  options: ExtractTraceOptions = {},
): (ctx: Context, message: Incoming) => Context {
  if (typeof tracer?.extract !== "function") {
    throw new TypeError("extractTrace: tracer must be a tracer of OpenTracing");
  }
  const { format = FORMAT_HTTP_HEADERS, headers = knownHeaders, onError } = options;
  return (ctx, message) => {
    let remote: SpanContext | undefined;
    try {
      const carrier: Record<string, string> = {};
      for (const name of headers) {
        const value = message.header(name);
        if (value !== undefined) carrier[name] = isBinary(name) ? Buffer.from(value, "base64").toString() : value;
      }
      remote = tracer.extract(format, carrier) ?? undefined;
    } catch (error) {
      tell(onError, error);
    }
    return ctx.with<Parent>(parent, { remote, tags: httpTags(message, "") });
  };
}

/**
 * For a client's `before`, on any transport: the other side continues the trace. The span of a `traced` around the client gets the tags
 * `peer.hostname` and `peer.port`, and over HTTP `http.method` and `http.url`; a span further up does not, as go-kit's would.
 *
 * @throws {TypeError} when `tracer` is none, or `peer` cannot be.
 * @see go-kit tracing/opentracing ContextToHTTP, ContextToGRPC
 */
export function injectTrace(
  tracer: Tracer,
  options: InjectTraceOptions = {},
): (ctx: Context, message: Outgoing) => void {
  if (typeof tracer?.inject !== "function") {
    throw new TypeError("injectTrace: tracer must be a tracer of OpenTracing");
  }
  const { format = FORMAT_HTTP_HEADERS, peer, onError } = options;
  const { tags, origin } = peer === undefined ? { tags: {}, origin: "" } : peerOf(peer);
  return (ctx, message) => {
    const above = ctx.get(parent);
    try {
      if (above?.outgoing) above.span?.addTags({ ...tags, ...httpTags(message, origin) });
      const context = contextOf(above);
      if (context === undefined || isEmpty(context)) return;
      const carrier: Record<string, unknown> = {};
      tracer.inject(context, format, carrier);
      for (const [name, value] of Object.entries(carrier)) {
        const lower = name.toLowerCase();
        message.headers[lower] = isBinary(lower) ? Buffer.from(String(value)).toString("base64") : String(value);
      }
    } catch (error) {
      tell(onError, error);
    }
  };
}

/** gRPC's names for bytes, which its messages here have in base64. */
function isBinary(name: string): boolean {
  return name.endsWith("-bin");
}

/** From what it cannot read Jaeger's tracer extracts a context all the same, one without ids. */
function isEmpty(context: SpanContext & { readonly isValid?: boolean }): boolean {
  return context.isValid === false;
}

function httpTags({ method, path }: Incoming | Outgoing, origin: string): Record<string, unknown> {
  if (method === undefined || path === undefined) return {};
  return { [Tags.HTTP_METHOD]: method, [Tags.HTTP_URL]: origin + path.replace(/\?.*/s, "") };
}

function peerOf(peer: string | URL): { readonly tags: Record<string, unknown>; readonly origin: string } {
  try {
    const text = String(peer);
    const { protocol, host, hostname, port } = new URL(text.includes("://") ? text : `peer://${text}`);
    if (hostname === "") throw new TypeError("no host");
    return {
      tags: {
        [Tags.PEER_HOSTNAME]: hostname.replace(/^\[|\]$/g, ""),
        ...(port !== "" && { [Tags.PEER_PORT]: Number(port) }),
      },
      origin: /^https?:$/.test(protocol) ? `${protocol}//${host}` : "",
    };
  } catch (cause) {
    throw new TypeError("injectTrace: peer must be a URL or host:port", { cause });
  }
}
