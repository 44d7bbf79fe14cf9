import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline, Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Hystrix } from "./hystrix.ts";

export interface HystrixStreamOptions {
  /** The time between two reports of all breakers, in ms. @default 1_000, hystrix-go's, which dashboards are drawn for */
  readonly intervalMs?: number;
}

/** A metrics stream: a Node request listener, a fetch handler, and the text itself for whatever else serves it. */
export interface HystrixStream extends AsyncIterable<string> {
  (request: IncomingMessage, response: ServerResponse): void;
  fetch(request: Request): Response;
}

const headers = { "content-type": "text/event-stream", "cache-control": "no-cache" };

/**
 * Serves the metrics of breakers as server-sent events, which Hystrix dashboards and Turbine read: at once, then each `intervalMs`. A
 * client that reads slowly gets fewer reports, not older ones later. Route it as you like; `/hystrix.stream` is the custom.
 *
 * @param breakers - asked anew for each report, so that it may be a set or a `perInstance` that grows.
 * @throws {TypeError} for an option that makes no sense.
 * @see https://github.com/afex/hystrix-go, hystrix/eventstream.go
 */
export function hystrixStream(breakers: Iterable<Hystrix>, options: HystrixStreamOptions = {}): HystrixStream {
  const { intervalMs = 1_000 } = options;
  if (!(intervalMs > 0 && intervalMs < 2 ** 31)) {
    throw new TypeError(`hystrixStream: intervalMs must be a positive number, got ${intervalMs}`);
  }

  async function* reports(): AsyncGenerator<string, never> {
    for (;;) {
      const events = [...breakers].flatMap((breaker) => breaker.events);
      // A comment, where there is nothing to tell: it keeps proxies from closing the connection.
      yield events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("") || ":\n\n";
      // A client's socket keeps the process alive, as long as there is one; a timer must not.
      await sleep(intervalMs, undefined, { ref: false });
    }
  }

  function listener(_request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, headers);
    // A client that goes is the end of it, and no error.
    pipeline(Readable.from(reports(), { objectMode: false, highWaterMark: 1 }), response, () => {});
  }

  function fetch(): Response {
    const text = reports();
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          controller.enqueue(encoder.encode((await text.next()).value));
        },
        cancel() {
          void text.return(undefined as never);
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { headers });
  }

  return Object.assign(listener, { fetch, [Symbol.asyncIterator]: reports });
}
