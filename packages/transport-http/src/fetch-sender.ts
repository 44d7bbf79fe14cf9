import { codeOf, KitError } from "@kit/endpoint";
import { type ClientRequest, ClientResponse } from "./client-message.ts";
import type { HttpSender } from "./sender.ts";
import { originOf } from "./undici-sender.ts";

export interface FetchSenderOptions {
  /** `http://host:port` or `https://…`; a path is not taken. */
  readonly origin: string | URL;
  /** @default the platform's `fetch` */
  readonly fetch?: typeof globalThis.fetch;
}

/** Sends by the fetch API: for Bun, Deno, workers and browsers. On Node {@link undiciSender} is many times cheaper. */
export function fetchSender(options: FetchSenderOptions): HttpSender {
  const { fetch = globalThis.fetch } = options;
  const origin = originOf("fetchSender", options.origin);
  const send: HttpSender["send"] = async (message, ctx, { maxBytes, stream }) => {
    try {
      const response = await fetch(origin + message.path, toInit(message, ctx.signal));
      const headers = Object.fromEntries(response.headers);
      const chunks = (response.body ?? []) as AsyncIterable<Uint8Array>;
      if (stream) return new ClientResponse(response.status, headers, Buffer.alloc(0), chunks);
      return new ClientResponse(response.status, headers, await collect(chunks, maxBytes));
    } catch (cause) {
      if (ctx.cancelled !== undefined) throw ctx.cancelled;
      throw codeOf(cause) === "unknown" ? new KitError("unavailable", "http: the request failed", { cause }) : cause;
    }
  };
  const close = async (): Promise<void> => {};
  return { send, close, [Symbol.asyncDispose]: close };
}

function toInit({ method, headers, body }: ClientRequest, signal: AbortSignal): RequestInit {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, String(one)]),
  );
  const streamed = typeof body === "object" && !(body instanceof Uint8Array);
  return {
    method,
    headers: list,
    signal,
    body: streamed ? ReadableStream.from(body) : (body ?? null),
    ...(streamed && { duplex: "half" as const }),
  };
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
