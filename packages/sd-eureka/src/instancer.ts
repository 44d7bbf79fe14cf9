import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionOptions } from "node:tls";
import { type Context, KitError } from "@kit/endpoint";
import {
  backoff,
  guarded,
  type Instancer,
  isWithin,
  optionError,
  requireMs,
  requireName,
  watchInstancer,
} from "@kit/sd";
import { answerError, eurekaClient } from "./eureka-client.ts";
import { type ReadRecords, recordsReader } from "./record.ts";

export interface EurekaInstancerOptions {
  /**
   * The servers' addresses up to and with the path before `/apps`, such as `http://user:password@10.0.0.1:8761/eureka`; Netflix's own server has `/eureka/v2`.
   * The one that answered last is asked first, the next when it does not answer.
   */
  readonly servers: readonly string[];
  /** The application: up to 128 letters, digits, dots, dashes and underscores, beginning with a letter or a digit. Eureka makes no difference between small and capital letters. */
  readonly service: string;
  /** How long to wait between two looks, in ms; up to a fifth less by chance, so that a fleet does not look all at once. @default 30000, as Eureka's own clients do */
  readonly pollMs?: number;
  /** What an address is made of. Where an instance has only the other, that is taken. @default "ipAddr", as in go-kit */
  readonly host?: "ipAddr" | "hostName";
  /** Whether addresses have the secure port. Instances whose port of that kind is not enabled are left out. @default false */
  readonly secure?: boolean;
  /** How long one server may take to answer before the next is asked, in ms. @default 5000, which a healthy one never needs */
  readonly timeoutMs?: number;
  /** The longest answer that is read, in bytes; an instance takes about 800. @default 33554432, enough for 40 000 instances */
  readonly maxBytes?: number;
  /** For `https:` servers: `ca`, `cert`, `key`, `servername` and the like. @default Node's own */
  readonly tls?: ConnectionOptions;
  /** Told of instances that are UP and left out since their record makes no sense, once for as long as they do. @default nobody is told */
  readonly onError?: (error: Error) => void;
}

/**
 * Asks Eureka for one application again and again, and tells the instances that are UP. An application that Eureka does not know has none.
 *
 * It keeps the process alive until it is closed.
 *
 * @throws {TypeError} when an option is wrong. Subscribers are told `unavailable`, `deadline_exceeded`, `unauthenticated`, `permission_denied` or
 * `resource_exhausted` (the answer is longer than `maxBytes`).
 * @see go-kit sd/eureka/instancer.go
 */
export function eurekaInstancer(options: EurekaInstancerOptions): Instancer {
  const {
    servers,
    service,
    pollMs = 30_000,
    host = "ipAddr",
    secure = false,
    timeoutMs = 5_000,
    maxBytes = 32 * 2 ** 20,
    tls,
    onError,
  } = options;
  requireName("eurekaInstancer: service", service);
  requireMs("eurekaInstancer: pollMs", pollMs, 1);
  requireMs("eurekaInstancer: timeoutMs", timeoutMs, 1);
  if (host !== "ipAddr" && host !== "hostName") {
    throw optionError("eurekaInstancer: host", '"ipAddr" or "hostName"', host);
  }
  if (!isWithin(maxBytes, 1, Infinity)) {
    throw optionError("eurekaInstancer: maxBytes", "a number of at least 1", maxBytes);
  }
  const ask = eurekaClient("eurekaInstancer", { servers, timeoutMs, maxBytes, tls });
  const report = guarded(onError);
  const readRecords = recordsReader({ host, secure });
  const untilNextMs = backoff({ baseMs: pollMs, maxMs: pollMs, jitter: 0.2 });
  /** Most answers are the one before, byte for byte. */
  let last: { readonly body: string; readonly read: ReadRecords } | undefined;
  let told: ReadonlySet<string> = new Set();

  return watchInstancer({
    async watch(update, ctx) {
      for (;;) {
        const { instances, problems } = await look(ctx);
        update(instances);
        for (const problem of problems) if (!told.has(problem)) report(new Error(problem));
        told = new Set(problems);
        await delay(untilNextMs(0), undefined, { signal: ctx.signal });
      }
    },
  });

  async function look(ctx: Context): Promise<ReadRecords> {
    const answer = await ask("GET", [service.toUpperCase()], ctx);
    if (answer.status === 404) return { instances: [], problems: [] };
    if (answer.status !== 200) throw answerError(answer);
    const { body } = answer;
    if (last?.body !== body) last = { body, read: read(body) };
    return last.read;
  }

  function read(body: string): ReadRecords {
    try {
      return readRecords(body);
    } catch (cause) {
      throw new KitError("unavailable", "what Eureka answered makes no sense", { cause });
    }
  }
}
