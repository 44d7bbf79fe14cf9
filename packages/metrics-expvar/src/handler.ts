import type { IncomingMessage, ServerResponse } from "node:http";
import type { ExpvarMetrics } from "./expvar.ts";

export interface ExpvarHandlerOptions {
  /** Told why a page could not be written; the reader gets a 500 without the reason. @default nobody is told */
  readonly onError?: (error: unknown) => void;
}

/** Serves a page: a listener for Node's HTTP servers, and `fetch` for all others. Which path it is on is up to you. */
export interface ExpvarHandler {
  (request: IncomingMessage, response: ServerResponse): void;
  fetch(request: Request): Promise<Response>;
}

/**
 * Makes the handler for `/debug/vars`: answers GET and HEAD with the page.
 *
 * @see Go's expvar.Handler
 */
export function expvarHandler(metrics: ExpvarMetrics, options: ExpvarHandlerOptions = {}): ExpvarHandler {
  const { onError } = options;

  function answer(method: string | undefined): Answer {
    if (method !== "GET" && method !== "HEAD") return { status: 405, headers: { allow: "GET, HEAD" }, body: "" };
    try {
      const body = metrics.page();
      return { status: 200, headers: { "content-type": "application/json; charset=utf-8" }, body };
    } catch (error) {
      onError?.(error);
      return { status: 500, headers: { "content-type": "text/plain" }, body: "the variables could not be read\n" };
    }
  }

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    try {
      const { status, headers, body } = answer(request.method);
      response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
      response.end(request.method === "HEAD" ? undefined : body);
    } catch (error) {
      response.destroy(error as Error);
    }
  };
  return Object.assign(listener, {
    async fetch(request: Request): Promise<Response> {
      const { status, headers, body } = answer(request.method);
      return new Response(request.method === "HEAD" ? null : body, { status, headers });
    },
  });
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}
