import type { Server } from "@grpc/grpc-js";
import { background, type Context, KitError } from "@kit/endpoint";
import { protobufService } from "@kit/protobuf";
import { limit } from "@kit/transport";
import { Health } from "./generated/health_pb.ts";
import { type GrpcServed, serveGrpc } from "./serve.ts";

export interface GrpcHealthOptions {
  /** What it is served on; yours. */
  readonly server: Server;
  /**
   * Whether the service of that name can serve; `""` is the whole server. `undefined`: there is no such service. What throws cannot serve.
   *
   * @example
   * ready: async () => (await probes.readiness({}, background)).status === "ok" // with `health` of @kit/lifecycle
   */
  readonly ready: (service: string) => boolean | undefined | Promise<boolean | undefined>;
  /** How often it is asked for those that watch, in ms. @default 1_000, as long as a probe's answer is good for */
  readonly pollMs?: number;
}

/** As the IDL numbers them. */
const status = { serving: 1, notServing: 2, serviceUnknown: 3 };

/**
 * Serves `grpc.health.v1.Health`: what Kubernetes, balancers and grpc-js's own clients ask. Close it before `drainGrpc`, since those that watch would be
 * waited for; they are told that the server does not serve.
 *
 * @throws {TypeError} when the server has one already, or `pollMs` is not a positive number.
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function serveGrpcHealth(options: GrpcHealthOptions): GrpcServed {
  const { server, ready } = options;
  const pollMs = limit("pollMs", options.pollMs, 1_000);
  const life = background.withCancel();

  async function statusOf(service: string): Promise<number> {
    try {
      const answer = life.cancelled === undefined && (await ready(service));
      return answer === undefined ? status.serviceUnknown : answer ? status.serving : status.notServing;
    } catch {
      return status.notServing;
    }
  }

  async function* watch(service: string, ctx: Context): AsyncGenerator<{ status: number }, void> {
    for (let last: number | undefined; ctx.cancelled === undefined;) {
      const now = await statusOf(service);
      if (now !== last) yield { status: now };
      last = now;
      if (life.cancelled !== undefined) return;
      await pause(pollMs, ctx, life);
    }
  }

  const served = serveGrpc(
    protobufService(Health),
    {
      async check({ service }) {
        const now = await statusOf(service);
        if (now === status.serviceUnknown) throw new KitError("not_found", "unknown service");
        return { status: now };
      },
      watch: async ({ service }, ctx) => watch(service, ctx),
    },
    { server },
  );
  const close: GrpcServed["close"] = (closing) => {
    life.cancel();
    return served.close(closing);
  };
  return {
    close,
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}

/** Until the time is up, or one of the two is over. */
function pause(ms: number, ...contexts: readonly Context[]): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      for (const forget of forgets) forget();
      resolve();
    };
    const timer = setTimeout(() => end(), ms);
    const forgets = contexts.map((ctx) => ctx.onCancel(() => queueMicrotask(end)));
  });
}
