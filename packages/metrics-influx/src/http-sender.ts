import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { LineSender } from "@kit/metrics/push";

/** Where lines are posted and how many may wait. */
export interface HttpTarget {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestTimeoutMs: number;
  readonly maxQueueBytes: number;
  readonly closeTimeoutMs: number;
  readonly onError: ((error: Error) => void) | undefined;
}

interface Batch {
  readonly bytes: Buffer;
  readonly lines: number;
}

/** What became of a batch that was not taken. */
interface Failure {
  readonly error: Error;
  /** How many of its lines will never be taken, if the server has said so: it is not sent again then. */
  readonly refusedLines?: number;
  /** How long the server wants to be left alone, in ms. */
  readonly retryAfterMs?: number;
}

const batchBytes = 262_144;
const firstWaitMs = 100;
const longestWaitMs = 5000;
const longestRetryAfterMs = 60_000;
const longestAnswerBytes = 4096;

/**
 * Posts lines in batches, one request at a time. A batch that was not taken is sent again, with jittered waits from 0.1 to 5 s or when the
 * server says so; the server must not mind to get it twice. One that it will never take (400, 413) is lost.
 *
 * `onLost` is told how many lines were taken and then lost.
 *
 * @param name put before the messages of the errors
 * @throws {TypeError} when an option is wrong.
 */
export function httpSender(name: string, options: HttpTarget, onLost: (lines: number) => void): LineSender {
  const { url, headers, requestTimeoutMs, maxQueueBytes, closeTimeoutMs, onError } = options;
  for (const [option, value, least] of [
    ["requestTimeoutMs", requestTimeoutMs, 1],
    ["maxQueueBytes", maxQueueBytes, 1],
    ["closeTimeoutMs", closeTimeoutMs, 0],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least && value < 2 ** 31)) {
      throw new TypeError(`${name}: ${option} must be an integer from ${least} to 2147483647, got ${String(value)}`);
    }
  }
  const secure = url.protocol === "https:";
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 1 });
  const request = secure ? httpsRequest : httpRequest;
  const queue: Batch[] = [];
  let open: string[] = [];
  let openBytes = 0;
  // All that was taken and has not gone: the open batch and the queue, whose first one may be on its way.
  let heldBytes = 0;
  let sending: ClientRequest | undefined;
  let failures = 0;
  let pause: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;
  let finish: (() => void) | undefined;

  function seal(): void {
    if (openBytes === 0) return;
    queue.push({ bytes: Buffer.from(`${open.join("\n")}\n`), lines: open.length });
    open = [];
    openBytes = 0;
  }

  function pump(): void {
    if (sending !== undefined || pause !== undefined) return;
    const batch = queue[0];
    if (batch === undefined) return finish?.();
    const posted = post(batch, (failure) => {
      // Given up by `close`.
      if (sending !== posted) return;
      sending = undefined;
      if (failure === undefined || failure.refusedLines !== undefined) {
        queue.shift();
        heldBytes -= batch.bytes.length;
      }
      if (failure === undefined) {
        failures = 0;
        return pump();
      }
      if (failures++ === 0) onError?.(failure.error);
      if (failure.refusedLines !== undefined) {
        onLost(failure.refusedLines);
        return pump();
      }
      // A connection that was kept may have ended meanwhile; any other failure is the last one when there is no time to wait.
      if (finish !== undefined && !posted.reusedSocket) return finish();
      const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)) * (1 - Math.random() / 2);
      pause = setTimeout(
        () => {
          pause = undefined;
          pump();
        },
        Math.max(waitMs, failure.retryAfterMs ?? 0),
      ).unref();
    });
    sending = posted;
  }

  /** Calls `done` once, and never before it returns. */
  function post({ bytes, lines }: Batch, done: (failure?: Failure) => void): ClientRequest {
    let over = false;
    const end = (failure?: Failure): void => {
      if (over) return;
      over = true;
      clearTimeout(timeout);
      done(failure);
    };
    const started = request(url, { method: "POST", agent, headers: { ...headers, "content-length": bytes.length } });
    const timeout = setTimeout(
      () => started.destroy(new Error(`${name}: no answer within ${requestTimeoutMs} ms`)),
      requestTimeoutMs,
    ).unref();
    // It must not keep the process alive; `close` does, for its own time.
    started.on("socket", (socket) => socket.unref());
    started.on("response", (response) => {
      readStart(response, (text) => end(failureOf(name, response, text, lines)));
      response.on("error", (error) => end({ error }));
    });
    started.on("error", (error) => end({ error }));
    started.on("close", () => end({ error: new Error(`${name}: the connection was closed by the other side`) }));
    started.end(bytes);
    return started;
  }

  function close(): Promise<void> {
    return new Promise((resolve) => {
      // It keeps the process alive, which a request does not.
      const timer = setTimeout(() => finish!(), closeTimeoutMs);
      finish = () => {
        clearTimeout(timer);
        clearTimeout(pause);
        finish = () => {};
        const left = queue.reduce((sum, { lines }) => sum + lines, 0);
        queue.length = 0;
        sending = undefined;
        // Which ends the request that is under way.
        agent.destroy();
        if (left > 0) {
          onLost(left);
          onError?.(new Error(`${name}: closed with ${left} lines unsent`));
        }
        resolve();
      };
      clearTimeout(pause);
      pause = undefined;
      seal();
      pump();
    });
  }

  return {
    send(line) {
      const bytes = Buffer.byteLength(line) + 1;
      if (closing !== undefined || heldBytes + bytes > maxQueueBytes) return false;
      if (openBytes + bytes > batchBytes) {
        seal();
        pump();
      }
      open.push(line);
      openBytes += bytes;
      heldBytes += bytes;
      return true;
    },
    flush() {
      if (closing !== undefined) return;
      seal();
      pump();
    },
    close: () => (closing ??= close()),
  };
}

/** The first of an answer, once all of it has come: the connection is of use only then. */
function readStart(response: IncomingMessage, done: (text: string) => void): void {
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (part: string) => {
    if (text.length < longestAnswerBytes) text = (text + part).slice(0, longestAnswerBytes);
  });
  response.on("end", () => done(text));
}

function failureOf(name: string, response: IncomingMessage, text: string, lines: number): Failure | undefined {
  const status = response.statusCode!;
  if (status >= 200 && status < 300) return undefined;
  const error = new Error(`${name}: the server answered ${status}`, { cause: text });
  if (status === 400 || status === 413) {
    // InfluxDB takes the lines that it can take, and says how many those are not.
    const dropped = Number(/\bdropped=(\d+)/.exec(text)?.[1] ?? 0);
    return { error, refusedLines: dropped > 0 ? Math.min(dropped, lines) : lines };
  }
  const retryAfterMs = Number(response.headers["retry-after"]) * 1000;
  return { error, ...(retryAfterMs > 0 && { retryAfterMs: Math.min(retryAfterMs, longestRetryAfterMs) }) };
}
