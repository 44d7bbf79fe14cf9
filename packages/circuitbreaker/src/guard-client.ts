import type { AnyMiddleware, Endpoint } from "@kit/endpoint";

/**
 * Wraps all methods of a client, whatever transport it is of. Disposing the result disposes the client.
 *
 * @param guard - a breaker, whose state the methods then share, or any other middleware.
 */
export function guardClient<Client extends AsyncDisposable>(client: Client, guard: AnyMiddleware): Client {
  const guarded = Object.create({ [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() }) as Client;
  const methods = Object.entries(client as object as Record<string, Endpoint>);
  return Object.assign(guarded, Object.fromEntries(methods.map(([name, method]) => [name, guard(method)])));
}
