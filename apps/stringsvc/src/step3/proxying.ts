import { gobreaker } from "@kit/circuitbreaker-gobreaker";
import { chain } from "@kit/endpoint";
import { retry, roundRobin } from "@kit/lb";
import type { Logger } from "@kit/log";
import { erroringLimiter, tokenBucket } from "@kit/ratelimit";
import { fixedEndpointer } from "@kit/sd";
import { connectHttp } from "@kit/transport-http";
import { quit } from "../flags.ts";
import { Strings, type StringService } from "./contract.ts";

/** The calls that one instance takes a second, and as many at once; beyond, the next one is asked. */
const ratePerSecond = 100;
/** The tries of one call, each on another instance. */
const attempts = 3;

/** Who does the work elsewhere. */
export interface Proxying {
  /** `host:port` or URLs, separated by commas; none, and nothing is done elsewhere. */
  readonly instances: string;
  /** The time for all tries of one call, in ms. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/**
 * Has `uppercase` done elsewhere, by each instance in turn; what else there is the service does itself. In a program whose instances come
 * and go this is `balancedClient`, with an instancer in place of the list.
 *
 * @see go-kit/examples stringsvc3/proxying.go
 */
export function withProxying(
  service: StringService,
  { instances, timeoutMs, logger }: Proxying,
): StringService & AsyncDisposable {
  if (!(timeoutMs > 0)) quit("--proxy-timeout is a number of milliseconds");
  const list = instances.split(",").flatMap((instance) => instance.trim() || []);
  logger.log({ proxy_to: list.length === 0 ? "none" : list.join(",") });
  const clients = list.map((instance) => connectHttp(Strings, { url: urlOf(instance) }));
  const endpoints = clients.map(({ uppercase }, index) => {
    const breaker = gobreaker({
      name: list[index]!,
      onStateChange: ({ name, from, to }) => logger.log({ breaker: name, from, to }),
    });
    // The limiter is outermost: what it refuses is no failure of the instance.
    return chain(erroringLimiter(tokenBucket({ ratePerSecond, burst: ratePerSecond })), breaker)(uppercase);
  });
  const uppercase = retry(roundRobin(fixedEndpointer(endpoints)), { attempts, timeoutMs });
  return {
    ...service,
    ...(list.length > 0 && { uppercase }),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    },
  };
}

function urlOf(instance: string): string {
  const url = /^https?:/.test(instance) ? instance : `http://${instance}`;
  return URL.canParse(url) ? url : quit(`--proxy is like localhost:8001,localhost:8002; there is no "${instance}"`);
}
