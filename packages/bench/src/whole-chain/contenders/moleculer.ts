import moleculer, { type ActionHandler, type BrokerOptions, type Context, type Middleware } from "moleculer";
import type { SumRequest, SumResponse } from "../../http/sum.ts";
import { announce, announced } from "../by-hand/registry.ts";
import type { Call } from "../contenders.ts";
import { attempts, failures, instances, openMs, ratePerSecond, timeoutMs, traced } from "../job.ts";
import { openLog } from "../log.ts";

const { ServiceBroker, TracerExporters } = moleculer;

/** Takes spans as a collector does, and has none of them. */
class Nowhere extends TracerExporters.Base {
  override spanStarted(): void {}
  override spanFinished(): void {}
}

/** A line for each call, on either side: the broker's own logger has none. */
function logging(): Middleware {
  const log = openLog().child({ service: "sum", method: "sum", transport: "tcp" });
  const around = (next: ActionHandler): ActionHandler =>
    function (this: unknown, ctx: Context) {
      const start = performance.now();
      const line = () => ({ trace_id: ctx.requestID, took_ms: Math.round((performance.now() - start) * 1000) / 1000 });
      return Promise.resolve(next.call(this as never, ctx)).then(
        (response: unknown) => {
          log.info(line());
          return response;
        },
        (error: unknown) => {
          log.error({ ...line(), code: String(error) });
          throw error;
        },
      );
    };
  return { localAction: around, remoteAction: around };
}

/**
 * Everything is Moleculer's own: its balancer goes round, its breaker is by instance, its limit is on the calls under way. Nodes talk to each
 * other without a broker between them; where they are is told by a list, since not every machine lets multicasts through.
 */
function brokerOptions(nodeID: string, urls: readonly string[]): BrokerOptions {
  return {
    nodeID,
    logger: false,
    transporter: { type: "TCP", options: { udpDiscovery: false, useHostname: false, urls, gossipPeriod: 1 } },
    requestTimeout: timeoutMs,
    retryPolicy: { enabled: true, retries: attempts - 1, delay: 1, maxDelay: 10 },
    circuitBreaker: { enabled: true, threshold: 0.5, minRequestCount: failures, halfOpenTime: openMs },
    bulkhead: { enabled: true, concurrency: ratePerSecond },
    metrics: { enabled: true, reporter: { type: "Prometheus", options: { port: 0 } } },
    tracing: { enabled: true, sampling: { rate: traced }, exporter: new Nowhere({}) as never },
    middlewares: [logging()],
  };
}

export async function serve(place: string): Promise<void> {
  const nodeID = `sum-${process.pid}`;
  const broker = new ServiceBroker(brokerOptions(nodeID, []));
  broker.createService({
    name: "sum",
    actions: {
      sum: {
        params: { a: { type: "number", integer: true }, b: { type: "number", integer: true } },
        handler: ({ params: { a, b } }: Context<SumRequest>): SumResponse => ({ v: a + b }),
      },
    },
  });
  await broker.start();
  const { port } = (broker as any).transit.tx.opts as { readonly port: number };
  await announce(place, `127.0.0.1:${port}/${nodeID}`);
}

export async function connect(place: string): Promise<Call> {
  const broker = new ServiceBroker(brokerOptions("client", await announced(place)));
  await broker.start();
  await broker.waitForServices("sum");
  while ((broker.registry.actions.get("sum.sum")?.endpoints.length ?? 0) < instances) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return (request) => broker.call<SumResponse, SumRequest>("sum.sum", request);
}
