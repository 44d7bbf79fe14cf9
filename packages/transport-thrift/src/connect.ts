import { type ClientOf, clientOf, type Method } from "@kit/service";
import { caller, connectionOf, setArgs, type ThriftClientCommon, valueOf } from "./client.ts";
import type { ThriftMethod, ThriftService } from "./service.ts";

export type ConnectThriftOptions = ThriftClientCommon;

/**
 * A client of a whole service, over one connection, made when first used and again when it is lost. Dispose it to close it.
 *
 * Calls reject with an exception that the IDL declares, the `KitError` that the server sent, `unavailable` when it cannot be reached, or the context's own cause.
 *
 * @throws {TypeError} for an address that is none, or a limit that is not a positive number.
 */
export function connectThrift<S extends ThriftService>(service: S, options: ConnectThriftOptions): ClientOf<S> {
  const { connection, close } = connectionOf(options);
  const call = caller(connection, options);
  const endpointOf = (method: Method) => call(method as ThriftMethod, setArgs, valueOf);
  return clientOf(service, endpointOf, close);
}
