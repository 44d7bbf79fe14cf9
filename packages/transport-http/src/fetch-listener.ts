import { discard } from "./discard.ts";
import { endingWith } from "./ending-with.ts";
import { IncomingRequest, type Reading } from "./incoming.ts";
import type { HttpReply } from "./reply.ts";

/** A request of the fetch API. */
class FetchRequest extends IncomingRequest {
  readonly #request: Request;
  readonly #answer: (response: Promise<Response> | Response) => void;
  readonly #gone = (): void => this.end();
  readonly method: string;
  readonly url: string;
  readonly peer = undefined;

  constructor(request: Request, reading: Reading, answer: (response: Promise<Response> | Response) => void) {
    super(reading);
    this.#request = request;
    this.#answer = answer;
    request.signal.addEventListener("abort", this.#gone);
    this.method = request.method;
    const { pathname, search } = new URL(request.url);
    this.url = pathname + search;
  }

  get headerCount(): number {
    return [...this.#request.headers].length;
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }

  async bytes(): Promise<Uint8Array> {
    const { maxBytes } = this.limits;
    const reader = this.#request.body?.getReader();
    if (reader === undefined) return new Uint8Array();
    const chunks: Uint8Array[] = [];
    let length = 0;
    let stopped: Error | undefined;
    this.arriving((error) => {
      stopped = error;
      void reader.cancel(error).catch(() => {});
    });
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        length += next.value.byteLength;
        if (length > maxBytes) throw this.tooLarge();
        chunks.push(next.value);
      }
    } catch (error) {
      void reader.cancel(error).catch(() => {});
      throw stopped ?? error;
    } finally {
      this.arrived();
    }
    if (stopped !== undefined) throw stopped;
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
  }

  stream(): AsyncIterable<Uint8Array> {
    return (this.#request.body as AsyncIterable<Uint8Array> | null) ?? noBytes();
  }

  override end(): void {
    this.#request.signal.removeEventListener("abort", this.#gone);
    super.end();
  }

  send(reply: HttpReply): void {
    const { body } = reply;
    const head = this.method === "HEAD";
    if (typeof body === "object" && !(body instanceof Uint8Array)) {
      if (!head) return this.#answer(toResponse(reply, ReadableStream.from(endingWith(() => this.end(), body))));
      void discard(body);
    }
    this.#answer(toResponse(reply, head ? null : (body ?? null)));
    this.end();
  }

  drop(cause: unknown): void {
    this.#answer(Promise.reject(cause));
    this.end();
  }
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

/** Serves one request of the fetch API; its signal stands for the caller's socket. */
export function serveFetch(
  request: Request,
  reading: Reading,
  run: (request: IncomingRequest) => unknown,
): Promise<Response> {
  return new Promise((answer) => {
    const incoming = new FetchRequest(request, reading, answer);
    run(incoming);
    if (request.signal.aborted) incoming.end();
  });
}

function toResponse({ status, headers }: HttpReply, body: ConstructorParameters<typeof Response>[0]): Response {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value] as [string, string]] : value.map((one): [string, string] => [name, one]),
  );
  try {
    return new Response(status === 204 || status === 304 ? null : body, { status, headers: list });
  } catch {
    // A hook wrote a header or a status that cannot be sent; what it was meant to say is not for the caller.
    return new Response(null, { status: 500 });
  }
}
