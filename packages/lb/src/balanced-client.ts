import { background, codeOf, type Context, type Endpoint, refusal } from "@kit/endpoint";
import { type Endpointer, endpointer, firstInstances, type Instance, type Instancer, type Made } from "@kit/sd";
import type { ClientOf, Method, Service } from "@kit/service";
import type { Balancer } from "./balancer.ts";
import { retry, type RetryOptions, wasNotSent } from "./retry.ts";
import { roundRobin } from "./round-robin.ts";

export interface BalancedClientOptions<S extends Service> {
  /** Where the service runs. Yours, so yours to close, after the client. */
  readonly instances: Instancer;
  /** Connects to one instance, for all methods. Closed by the balanced client, when no call is under way on it any more. */
  readonly connect: (instance: Instance) => ClientOf<S>;
  /** Chooses an instance for each attempt. @default {@link roundRobin}, which needs to know nothing */
  readonly balancer?: (endpointer: Endpointer<ClientOf<S>>) => Balancer<ClientOf<S>>;
  /**
   * How to try again; a method's own `timeoutMs` stands where it is shorter. A method that is not `idempotent` is only tried again when the
   * request certainly was not sent, whatever stands here; for the others `retryable` decides. @default 3 attempts, without a pause; retryable is
   * what was not sent and `unavailable`, since other codes are the service's answer or get no better by asking at once (AIP-194)
   */
  readonly retry?: RetryOptions;
  /** How long to go on with the last list after discovery failed, in ms; then calls fail with its error. @default Infinity, an old list is mostly right */
  readonly invalidateOnErrorMs?: number;
  /** Told what goes wrong beside the calls: in discovery, in connecting and, with the instance, in closing. @default nobody is told */
  readonly onError?: (error: unknown, instance?: Instance) => void;
}

/**
 * A client of a service that runs in many instances: each attempt at a call goes to the one that the balancer picks. There is one
 * connection an instance, which all methods share; an instance that goes is let finish the calls under way.
 *
 * A call made before discovery knows anything waits for its first list, as long as its context and `timeoutMs` let it, so that a program
 * need not know in which order its parts start up. Disposing the client closes its connections, and with them the calls under way.
 *
 * @throws {KitError} `unavailable` when there is no instance, when no attempt got through, and once the client is disposed; discovery's error
 *   when the first list never came; else what {@link retry} throws.
 * @throws {TypeError} at construction, for an option that makes no sense.
 * @see https://google.aip.dev/194
 */
export function balancedClient<S extends Service>(service: S, options: BalancedClientOptions<S>): ClientOf<S> {
  const {
    instances,
    connect,
    balancer = roundRobin,
    retry: retrying = {},
    invalidateOnErrorMs = Infinity,
    onError,
  } = options;
  const methods = Object.values<Method>(service.methods);
  const life = background.withCancel();
  const pool = endpointer(instances, (instance) => shared(methods, connect(instance), life), {
    invalidateOnErrorMs,
    onError,
  });
  const picked = balancer(pool);

  function connected(method: Method): Endpoint {
    const { retryable = isUnavailable } = retrying;
    const timeoutMs = Math.min(retrying.timeoutMs ?? Infinity, method.timeoutMs ?? Infinity);
    const call = retry(
      { pick: (ctx, request) => (picked.pick(ctx, request) as Record<string, Endpoint>)[method.name]! },
      {
        ...retrying,
        ...(timeoutMs < Infinity && { timeoutMs }),
        retryable: (error) => wasNotSent(error) || (method.idempotent && retryable(error)),
      },
    );

    async function callWhenListed(request: unknown, outer: Context): Promise<unknown> {
      const ctx = timeoutMs < Infinity ? outer.withTimeout(timeoutMs) : outer.withCancel();
      const forget = life.onCancel((cause) => ctx.cancel(cause));
      try {
        await firstInstances(instances, ctx);
      } finally {
        forget();
      }
      return call(request, ctx);
    }

    return (request, ctx) => {
      if (life.cancelled !== undefined) return Promise.reject(life.cancelled);
      const { state } = instances.status;
      return state === "pending" || state === "failing" ? callWhenListed(request, ctx) : call(request, ctx);
    };
  }

  function close(): Promise<void> {
    life.cancel(refusal("unavailable", `${service.name}: the client is closed`, { notSent: true }));
    return pool.close();
  }

  const client = Object.create({ [Symbol.asyncDispose]: close });
  for (const method of methods) client[method.name] = connected(method);
  return client;
}

/** A client of one instance, which is disposed when its last call has ended, or with the balanced client. */
function shared<S extends Service>(methods: readonly Method[], client: ClientOf<S>, life: Context): Made<ClientOf<S>> {
  let underWay = 0;
  let drained: (() => void) | undefined;

  function ended(): void {
    underWay -= 1;
    if (underWay === 0) drained?.();
  }

  function counted(call: Endpoint): Endpoint {
    return (request, ctx) => {
      const answer = call(request, ctx);
      underWay += 1;
      answer.then(ended, ended);
      return answer;
    };
  }

  async function close(): Promise<void> {
    if (underWay > 0) {
      await new Promise<void>((resolve) => {
        const forget = life.onCancel(() => resolve());
        drained = () => {
          forget();
          resolve();
        };
      });
    }
    await client[Symbol.asyncDispose]();
  }

  const calls = methods.map(({ name }) => [name, counted((client as Record<string, Endpoint>)[name]!)]);
  return { endpoint: Object.fromEntries(calls), close };
}

function isUnavailable(error: unknown): boolean {
  return codeOf(error) === "unavailable";
}
