import type { Context } from "@kit/endpoint";
import { type Incoming, type OnError, type Outgoing, tell } from "@kit/tracing";
import type { Attributes, Propagation, SpanContext } from "@opencensus/core";
import { b3 } from "./b3.ts";
import { contextOf, type Parent, parent } from "./parent.ts";

/** Options of both hooks. */
interface PropagationOptions {
  /** What writes the headers and reads them: {@link grpcTraceBin} to and from go-kit over gRPC, `TraceContextFormat` of `@opencensus/propagation-tracecontext` for W3C's. @default {@link b3}, as in go-kit. @see go-kit WithHTTPPropagation */
  readonly propagation?: Pick<Propagation, "extract" | "inject">;
  /** Hears of what it throws; no call fails for it. @default nobody hears */
  readonly onError?: OnError;
}

export interface ExtractTraceOptions extends PropagationOptions {
  /** Whether strangers call: each of their calls then begins a new trace, with a link to theirs. @default false. @see go-kit IsPublic */
  readonly isPublic?: boolean;
}

export interface InjectTraceOptions extends PropagationOptions {
  /** Where the client sends to, for the attribute `http.host`; a message does not know. @default no such attribute */
  readonly host?: string;
}

/**
 * For a server's `before`, on any transport: what `traced` opens for the call is then a child of the caller's span, and sampled if that is;
 * over HTTP it has the attributes `http.method` and `http.path`. Without such a header it is the root of a new trace.
 *
 * Leave it out where an instrumentation of OpenCensus's opens a span for each request: that one is the parent then.
 *
 * @see go-kit tracing/opencensus HTTPServerTrace, GRPCServerTrace, JSONRPCServerTrace
 */
export function extractTrace(options: ExtractTraceOptions = {}): (ctx: Context, message: Incoming) => Context {
  const { propagation = b3, isPublic = false, onError } = options;
  return (ctx, message) => {
    let found: SpanContext | undefined;
    try {
      found = validOf(propagation.extract({ getHeader: (name) => message.header(name.toLowerCase()) }));
    } catch (error) {
      tell(onError, error);
    }
    return ctx.with<Parent>(parent, {
      ...(isPublic ? { linked: found } : { remote: found }),
      attributes: httpAttributes(message),
    });
  };
}

/**
 * For a client's `before`, on any transport: the other side continues the trace. A trace that is not sampled goes along too, so that
 * nobody below samples it. Over HTTP the span of a `traced` around the client gets `http.method`, `http.path`, `http.host` and
 * `http.user_agent`. Leave it out of clients of strangers.
 *
 * @see go-kit tracing/opencensus HTTPClientTrace, GRPCClientTrace, JSONRPCClientTrace
 */
export function injectTrace(options: InjectTraceOptions = {}): (ctx: Context, message: Outgoing) => void {
  const { propagation = b3, host, onError } = options;
  return (ctx, message) => {
    const above = ctx.get(parent);
    try {
      if (above?.outgoing) {
        const agent = message.headers["user-agent"];
        const attributes: Attributes = {
          ...httpAttributes(message),
          ...(message.path !== undefined && host !== undefined && { "http.host": host }),
          ...(agent !== undefined && { "http.user_agent": String(agent) }),
        };
        for (const [name, value] of Object.entries(attributes)) above.span?.addAttribute(name, value);
      }
      const context = contextOf(above);
      if (context === undefined) return;
      const setHeader = (name: string, value: string): void => void (message.headers[name.toLowerCase()] = value);
      propagation.inject({ setHeader }, context);
    } catch (error) {
      tell(onError, error);
    }
  };
}

/** For the `after` of a client over HTTP: the attribute `http.status_code`. @see go-kit tracing/opencensus HTTPClientTrace */
export function tellStatus(ctx: Context, response: { readonly status: number }): void {
  const above = ctx.get(parent);
  if (above?.outgoing) above.span?.addAttribute("http.status_code", response.status);
}

/** Formats take what they are given: no id may be none, and of the flags one is known. */
function validOf(found: SpanContext | null): SpanContext | undefined {
  if (found === null || !isId(found.traceId, 32) || !isId(found.spanId, 16)) return undefined;
  return found.options === undefined ? found : { ...found, options: found.options & 1 };
}

function isId(id: unknown, digits: number): boolean {
  return typeof id === "string" && id.length === digits && /^[0-9a-f]*[1-9a-f][0-9a-f]*$/.test(id);
}

/** Without the query, which may hold secrets. */
function httpAttributes({ method, path }: Incoming | Outgoing): Attributes {
  return method === undefined || path === undefined
    ? {}
    : { "http.method": method, "http.path": path.replace(/\?.*/s, "") };
}
