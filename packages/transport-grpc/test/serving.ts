import { type Client, credentials, Server, ServerCredentials, type ServerOptions } from "@grpc/grpc-js";
import type { ClientOf, EndpointsOf } from "@kit/service";
import { onTestFinished } from "vitest";
import {
  connectGrpc,
  type ConnectGrpcOptions,
  type GrpcServed,
  type GrpcService,
  serveGrpc,
  type ServeGrpcOptions,
} from "../src/index.ts";

export const insecure = credentials.createInsecure();

/** Binds a free port of the loopback. */
export function bound(server: Server, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, at) =>
      error === null ? resolve(at) : reject(error),
    );
  });
}

/** A server of grpc-js on a free port, until the test is over. */
export async function listening(
  add: (server: Server) => void,
  options: ServerOptions = {},
): Promise<{ readonly server: Server; readonly address: string }> {
  const server = new Server(options);
  add(server);
  const port = await bound(server);
  onTestFinished(() => server.forceShutdown());
  return { server, address: `127.0.0.1:${port}` };
}

export interface Serving<S extends GrpcService> {
  readonly client: ClientOf<S>;
  readonly served: GrpcServed;
  readonly server: Server;
  readonly address: string;
}

/** Both ends of a service, until the test is over. */
export async function serving<S extends GrpcService>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: Omit<ServeGrpcOptions, "server"> = {},
  client: Partial<ConnectGrpcOptions> = {},
): Promise<Serving<S>> {
  let served!: GrpcServed;
  const { server, address } = await listening((made) => {
    served = serveGrpc(service, endpoints, { ...options, server: made });
  });
  return { client: connected(service, address, client), served, server, address };
}

/** A client until the test is over. */
export function connected<S extends GrpcService>(
  service: S,
  address: string,
  options: Partial<ConnectGrpcOptions> = {},
): ClientOf<S> {
  const client = connectGrpc(service, { address, credentials: insecure, ...options });
  onTestFinished(() => client[Symbol.asyncDispose]());
  return client;
}

/** A client of grpc-js's own, until the test is over. */
export function closing<C extends Client>(client: C): C {
  onTestFinished(() => client.close());
  return client;
}

/** What a promise rejects with. */
export function rejection(call: Promise<unknown>): Promise<any> {
  return call.then(
    () => {
      throw new Error("the call succeeded");
    },
    (error: unknown) => error,
  );
}

/** What one may wait for and see to. */
export function latch<T = void>(): { readonly reached: Promise<T>; readonly reach: (value: T) => void } {
  let reach!: (value: T) => void;
  const reached = new Promise<T>((resolve) => (reach = resolve));
  return { reached, reach };
}
