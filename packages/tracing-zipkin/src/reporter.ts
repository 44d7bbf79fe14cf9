import { jsonEncoder, type Logger, type model } from "zipkin";

export interface ZipkinReporterOptions {
  /** Where spans are posted: `http://localhost:9411/api/v2/spans`. */
  readonly url: string;
  /** Sent along, for a proxy that wants a token. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** How often spans are sent, in ms; sooner when there is enough for a body. @default 1000 */
  readonly flushIntervalMs?: number;
  /** How many bytes of JSON one request may have; a span that is longer is dropped. @default 500_000, as Zipkin's own reporters have it */
  readonly maxBodyBytes?: number;
  /** How many bytes of JSON may wait for a Zipkin that is away or slow, what is being sent included. @default 4_194_304 */
  readonly maxQueueBytes?: number;
  /** How long one request may take, in ms; a process that has ended in all else waits for it, unless it has closed this. @default 10_000 */
  readonly timeoutMs?: number;
  /** How long `close` may take to get rid of what waits, in ms. @default 1000, for a process that ends is not to wait for its traces */
  readonly closeTimeoutMs?: number;
  /** Told why spans cannot be sent: once when that begins, and at `close` if some are left. Must not throw. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/** For the library's `BatchRecorder`, as its `logger`. */
export interface ZipkinReporter extends Logger, AsyncDisposable {
  /** How many spans have found no room, or were refused, or left at `close`. */
  readonly dropped: number;
  /** Sends what waits; resolves when it has gone or has failed to. */
  flush(): Promise<void>;
  /** Sends what is left, for `closeTimeoutMs` at most. May be called again. */
  close(): Promise<void>;
}

interface Encoded {
  readonly json: string;
  readonly bytes: number;
}

const firstWaitMs = 100;
const longestWaitMs = 5000;

/**
 * Posts spans to a Zipkin as JSON v2. It does what `zipkin-transport-http` 0.22 lacks: what waits is bounded and kept while Zipkin is away, one request
 * is under way at a time and has a timeout, and `close` sends the rest.
 *
 * After a failure it waits from 0.1 to 5 s, with jitter, and tries the same spans again; what Zipkin refuses it drops.
 *
 * @throws {TypeError} when an option is wrong.
 * @see https://zipkin.io/zipkin-api/#/default/post_spans
 *
 * @example
 * const recorder = new BatchRecorder({ logger: zipkinReporter({ url: "http://localhost:9411/api/v2/spans" }) });
 */
export function zipkinReporter(options: ZipkinReporterOptions): ZipkinReporter {
  const { flushIntervalMs = 1000, maxBodyBytes = 500_000, maxQueueBytes = 4_194_304, onError } = options;
  const { timeoutMs = 10_000, closeTimeoutMs = 1000 } = options;
  if (!isHttp(options.url)) throw new TypeError("zipkinReporter: url must be one of http or https without a password");
  const limits = { flushIntervalMs, maxBodyBytes, maxQueueBytes, timeoutMs, closeTimeoutMs };
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isInteger(value) && value > 0 && value < 2 ** 31)) {
      throw new TypeError(`zipkinReporter: ${name} must be a positive integer below 2^31, got ${String(value)}`);
    }
  }
  const headers = headersOf(options.headers);
  let queue: Encoded[] = [];
  let heldBytes = 0;
  let dropped = 0;
  let failures = 0;
  let notBefore = 0;
  let request: AbortController | undefined;
  let sending: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const timer = setInterval(() => {
    if (performance.now() >= notBefore) void flush();
  }, flushIntervalMs).unref();

  function flush(): Promise<void> {
    return (sending ??= drain().finally(() => (sending = undefined)));
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const batch = take();
      const error = await post(batch);
      if (error === undefined) failures = 0;
      else if (failures++ === 0) onError?.(error.cause);
      if (error?.again) {
        queue = batch.concat(queue);
        const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)) * (1 - Math.random() / 2);
        notBefore = performance.now() + waitMs;
        return;
      }
      for (const { bytes } of batch) heldBytes -= bytes;
      if (error !== undefined) dropped += batch.length;
    }
  }

  /** As many as one body may have. */
  function take(): Encoded[] {
    let bytes = 2;
    const end = queue.findIndex((span) => (bytes += span.bytes) > maxBodyBytes);
    return queue.splice(0, end === -1 ? queue.length : end);
  }

  /** Resolves with what went wrong, and whether the same spans may be sent again. */
  async function post(batch: readonly Encoded[]): Promise<{ cause: Error; again: boolean } | undefined> {
    request = new AbortController();
    const late = setTimeout(() => request?.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs).unref();
    try {
      const body = `[${batch.map(({ json }) => json).join()}]`;
      const { signal } = request;
      const response = await fetch(options.url, { method: "POST", headers, body, redirect: "manual", signal });
      await response.body?.cancel();
      if (response.ok) return undefined;
      const again = response.status >= 500 || response.status === 429 || response.status === 408;
      return { cause: new Error(`zipkinReporter: answered with status ${response.status}`), again };
    } catch (cause) {
      return { cause: new Error("zipkinReporter: cannot be reached", { cause }), again: true };
    } finally {
      clearTimeout(late);
      request = undefined;
    }
  }

  async function close(): Promise<void> {
    clearInterval(timer);
    const late = setTimeout(() => request?.abort(new Error("closed")), closeTimeoutMs);
    await flush();
    clearTimeout(late);
    const left = queue.length;
    if (left === 0) return;
    dropped += left;
    queue.length = 0;
    onError?.(new Error(`zipkinReporter: closed with ${left} spans unsent`));
  }

  const reporter: ZipkinReporter = {
    get dropped() {
      return dropped;
    },
    logSpan(span: model.Span) {
      const json = jsonEncoder.JSON_V2.encode(span);
      // With its comma.
      const bytes = Buffer.byteLength(json) + 1;
      if (closing !== undefined || bytes + 2 > maxBodyBytes || heldBytes + bytes > maxQueueBytes) {
        dropped++;
        return;
      }
      queue.push({ json, bytes });
      heldBytes += bytes;
      if (heldBytes >= maxBodyBytes && performance.now() >= notBefore) void flush();
    },
    flush,
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => reporter.close(),
  };
  return reporter;
}

function headersOf(given: Readonly<Record<string, string>> | undefined): Headers {
  try {
    const headers = new Headers(given);
    headers.set("content-type", "application/json");
    return headers;
  } catch {
    // Not with the platform's words, which repeat the value.
    throw new TypeError("zipkinReporter: headers must be a record of names and values that HTTP can carry");
  }
}

function isHttp(text: unknown): boolean {
  if (typeof text !== "string" || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === "http:" || protocol === "https:") && username === "" && password === "";
}
