import { endingWith } from "./ending-with.ts";
import { IncomingRequest, type Reading } from "./incoming.ts";
import type { HttpReply } from "./reply.ts";

/** A request of the fetch API. */
class FetchRequest extends IncomingRequest {
  readonly #request: Request;
  readonly method: string;
  readonly url: string;
  readonly peer = undefined;

  constructor(request: Request, reading: Reading) {
    super(reading);
    this.#request = request;
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
    let late: Error | undefined;
    const arriving = {
      since: performance.now(),
      late: () => {
        late = this.tooSlow();
        void reader.cancel(late);
      },
    };
    this.bodies.add(arriving);
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        length += next.value.byteLength;
        if (length > maxBytes) throw this.tooLarge();
        chunks.push(next.value);
      }
    } catch (error) {
      void reader.cancel(error).catch(() => {});
      throw error;
    } finally {
      this.bodies.delete(arriving);
    }
    if (late !== undefined) throw late;
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
  }

  stream(): AsyncIterable<Uint8Array> {
    return (this.#request.body as AsyncIterable<Uint8Array> | null) ?? noBytes();
  }
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

/** Serves one request of the fetch API; its signal stands for the caller's socket. */
export async function serveFetch(
  request: Request,
  reading: Reading,
  run: (request: IncomingRequest) => Promise<HttpReply>,
): Promise<Response> {
  const incoming = new FetchRequest(request, reading);
  const gone = (): void => incoming.end();
  const done = (): void => {
    request.signal.removeEventListener("abort", gone);
    gone();
  };
  request.signal.addEventListener("abort", gone);
  try {
    const running = run(incoming);
    if (request.signal.aborted) gone();
    const reply = await running;
    const { body } = reply;
    const streamed = body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array);
    if (streamed) return toResponse(reply, ReadableStream.from(endingWith(done, body)));
    done();
    return toResponse(reply, body ?? null);
  } catch (error) {
    done();
    throw error;
  }
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
