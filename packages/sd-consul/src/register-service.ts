/* oxlint-disable eslint/no-underscore-dangle -- the names are the driver's */
import type { EventEmitter } from "node:events";
import type Consul from "consul";

/** What the driver has below its methods. */
interface Requests {
  readonly _defaults?: { readonly token?: string; readonly partition?: string };
  _put(
    request: object,
    done: (request: { readonly err?: Error }, next: (again: false, error?: Error) => void) => void,
  ): Promise<void>;
}

/** Registers with the agent. The driver's own method leaves weights out, so the request is made one level below it. */
export function registerService(client: Consul, registration: object, ctx: EventEmitter): Promise<void> {
  const requests = client as unknown as Requests;
  const { token, partition } = requests._defaults ?? {};
  return requests._put(
    {
      name: "agent.service.register",
      path: "/agent/service/register",
      type: "json",
      headers: token === undefined ? {} : { "x-consul-token": token },
      query: partition === undefined ? {} : { partition },
      body: registration,
      ctx,
    },
    ({ err }, next) => next(false, err),
  );
}
