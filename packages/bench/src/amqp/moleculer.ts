import { ServiceBroker } from "moleculer";
import type { ContenderModule } from "./contenders.ts";
import type { SumRequest, SumResponse } from "./sum.ts";

/** How it is to reach the broker: a URL, or its transporter's options. */
type Transporter = string | { readonly type: "AMQP"; readonly options: object };

/** Two nodes of Moleculer's, apart from those of other namespaces. */
export function moleculer(namespace: string, transporter: (url: string) => Transporter): ContenderModule {
  const node = (url: string) => new ServiceBroker({ namespace, logger: false, transporter: transporter(url) });
  return {
    async serve(url) {
      const broker = node(url);
      const sum = ({ params: { a, b } }: { readonly params: SumRequest }): SumResponse => ({ v: a + b });
      broker.createService({ name: "add", actions: { sum } });
      await broker.start();
    },
    async connect(url) {
      const broker = node(url);
      await broker.start();
      await broker.waitForServices("add");
      return (request) => broker.call<SumResponse, SumRequest>("add.sum", request);
    },
  };
}
