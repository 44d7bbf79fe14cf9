import { background, type Context, type Endpoint, refusal } from "@kit/endpoint";

import type { Actor } from "./actor.ts";

/** Passes by returning or resolving, fails by throwing or rejecting. Hand `ctx` on: it ends when the time is up. */
export type Check = (ctx: Context) => unknown;

/** What {@link health} can be told. */
export interface HealthOptions {
  /** What must work before this process can serve, by name. The names are shown to whoever asks. @default none */
  readonly checks?: Readonly<Record<string, Check>>;
  /**
   * What only a restart can mend, by name.
   *
   * @default none: a process that answers is alive, and restarting it does not mend a dependency that is down
   */
  readonly livenessChecks?: Readonly<Record<string, Check>>;
  /** How long a check may take before it counts as failing, in ms. @default 750, so that the answer is in time for Kubernetes, which waits 1_000 */
  readonly timeoutMs?: number;
  /** How long an answer is given again, in ms, so that however many ask, each check runs once in that time. @default 1_000, a tenth of what probes usually wait */
  readonly cacheMs?: number;
  /** Hears why a check failed, once for each run: peers are told only which. */
  readonly onFailure?: (name: string, error: unknown) => void;
  /** A clock in ms that never goes back. @default performance.now */
  readonly now?: () => number;
}

/** What a probe is told. */
export interface HealthReport {
  readonly status: "ok" | "failing";
  /** Empty while the process starts or drains, when no check is run. */
  readonly checks: Readonly<Record<string, "ok" | "failing">>;
}

/** Two endpoints for probes, and an actor for the group whose state they tell. */
export interface Health extends Actor {
  start(): void;
  stop(): void;
  /** Whether to leave the process running. Rejects as `readiness` does. */
  readonly liveness: Endpoint<unknown, HealthReport>;
  /**
   * Whether to send requests here: only between `start` and `stop`, and while all checks pass.
   *
   * @throws {KitError} `unavailable`, the report in its details, so that on every transport a failing answer looks like one; on HTTP it is a 503.
   */
  readonly readiness: Endpoint<unknown, HealthReport>;
}

/**
 * Health and readiness, to be served by any transport. Put it last into the group, `runGroup([..., health])`: it turns ready when all the
 * others are up, and not ready as the first thing when the group stops.
 *
 * @throws {TypeError} for a wrong option.
 */
export function health(options: HealthOptions = {}): Health {
  const {
    checks = {},
    livenessChecks = {},
    timeoutMs = 750,
    cacheMs = 1000,
    onFailure,
    now = () => performance.now(),
  } = options;
  if (!(timeoutMs > 0 && timeoutMs < Infinity)) {
    throw new TypeError(`health: timeoutMs must be a positive number, got ${timeoutMs}`);
  }
  if (!(cacheMs >= 0 && cacheMs < Infinity)) throw new TypeError(`health: cacheMs must be at least 0, got ${cacheMs}`);

  async function passes(name: string, check: Check): Promise<boolean> {
    const ctx = background.withTimeout(timeoutMs);
    try {
      await new Promise((resolve, reject) => {
        ctx.onCancel(reject);
        Promise.resolve(check(ctx)).then(resolve, reject);
      });
      return true;
    } catch (error) {
      onFailure?.(name, error);
      return false;
    } finally {
      ctx.cancel();
    }
  }

  /** Runs the checks when asked, unless it just did or still does. */
  function cached(checksByName: Readonly<Record<string, Check>>): () => Promise<HealthReport> {
    const entries = Object.entries(checksByName);
    let answer: Promise<HealthReport>;
    let staleAt = -Infinity;

    async function run(): Promise<HealthReport> {
      const results = await Promise.all(entries.map(([name, check]) => passes(name, check)));
      const report: HealthReport = {
        status: results.every(Boolean) ? "ok" : "failing",
        checks: Object.fromEntries(entries.map(([name], index) => [name, results[index] ? "ok" : "failing"])),
      };
      if (report.status === "failing") throw refusal("unavailable", "not healthy", { details: report });
      return report;
    }

    return () => {
      if (now() >= staleAt) {
        staleAt = Infinity;
        answer = run().finally(() => {
          staleAt = now() + cacheMs;
        });
      }
      return answer;
    };
  }

  let serving = false;
  const ready = cached(checks);
  return {
    name: "health",
    phase: "deregister",
    start() {
      serving = true;
    },
    stop() {
      serving = false;
    },
    liveness: cached(livenessChecks),
    async readiness() {
      const report = serving ? await ready() : undefined;
      // The drain may have begun while the checks ran.
      if (report === undefined || !serving) throw notServing;
      return report;
    },
  };
}

const notServing = refusal("unavailable", "not serving", {
  details: { status: "failing", checks: {} } satisfies HealthReport,
});
