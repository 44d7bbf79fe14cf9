import { background, codeOf, KitError } from "@kit/endpoint";
import { type ClientRequest, ClientResponse } from "./client-message.ts";
import { endingWith } from "./ending-with.ts";
import type { HttpSender } from "./sender.ts";
import { originOf } from "./undici-sender.ts";

export interface FetchSenderOptions {
  /** `http://host:port` or `https://…`; a path is not taken. */
  readonly origin: string | URL;
  /** Takes a request to its answer; an {@link HttpHandler}'s own `fetch` will do, in a test for one. @default the platform's `fetch` */
  readonly fetch?: (request: Request) => Promise<Response>;
}

/**
 * Sends by the fetch API: for Bun, Deno, workers and browsers. On Node `undiciSender` is many times cheaper. It cannot tell whether a
 * request was sent, and does not follow redirects.
 *
 * @throws {TypeError} when the origin is not an HTTP URL.
 */
export function fetchSender(options: FetchSenderOptions): HttpSender {
  const { fetch = globalThis.fetch } = options;
  const origin = originOf("fetchSender", options.origin);
  const life = background.withCancel();
  const send: HttpSender["send"] = async (message, ctx, { maxBytes, stream }) => {
    if (life.cancelled !== undefined)
      throw new KitError("unavailable", "http: the client is closed", { notSent: true });
    // A signal of the call's own: the context's would hold its timer until the deadline, however early the call is over.
    const aborter = new AbortController();
    const abort = (cause: Error): void => aborter.abort(cause);
    const forgets = [ctx.onCancel(abort), life.onCancel(abort)];
    const forget = (): void => forgets.forEach((one) => one());
    try {
      const response = await fetch(toRequest(origin, message, aborter.signal));
      const headers = Object.fromEntries(response.headers);
      const chunks = (response.body ?? []) as AsyncIterable<Uint8Array>;
      if (stream) return new ClientResponse(response.status, headers, Buffer.alloc(0), endingWith(forget, chunks));
      const body = await collect(chunks, maxBytes);
      aborter.signal.throwIfAborted();
      forget();
      return new ClientResponse(response.status, headers, body);
    } catch (cause) {
      forget();
      if (aborter.signal.aborted) throw aborter.signal.reason;
      throw codeOf(cause) === "unknown" ? new KitError("unavailable", "http: the request failed", { cause }) : cause;
    }
  };
  const close = async (): Promise<void> => life.cancel(new KitError("unavailable", "http: the client was closed"));
  return { send, close, [Symbol.asyncDispose]: close };
}

function toRequest(origin: string, { method, path, headers, body }: ClientRequest, signal: AbortSignal): Request {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  );
  const streamed = typeof body === "object" && !(body instanceof Uint8Array);
  try {
    return new Request(origin + path, {
      method,
      headers: list,
      signal,
      redirect: "manual",
      body: streamed ? ReadableStream.from(whileWanted(signal, body)) : (body ?? null),
      ...(streamed && { duplex: "half" as const }),
    });
  } catch (cause) {
    throw new KitError("invalid_argument", `http: ${(cause as Error).message}`, { cause, notSent: true });
  }
}

/** Node's own fetch goes on pulling the body of a request that was aborted, without a pause when it has no end. */
async function* whileWanted(signal: AbortSignal, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    signal.throwIfAborted();
    yield piece;
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const taken: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new KitError("resource_exhausted", `http: a reply of more than ${maxBytes} bytes`);
    taken.push(chunk);
  }
  return Buffer.concat(taken, length);
}
