import { type ClientOf, clientOf, type Service } from "@kit/service";
import { undiciSender } from "@kit/transport-http";
import { autoIncrement, jsonrpcClient, type JsonrpcClientCommon } from "./client.ts";

export interface ConnectJsonrpcOptions extends JsonrpcClientCommon {}

/**
 * A client of a whole service, over one pool of connections, made when first used. Dispose it to close them.
 *
 * Calls reject with the `KitError` that the server sent, `unavailable` when it cannot be reached, or the context's own cause.
 *
 * @throws {TypeError} when the URL is not one.
 */
export function connectJsonrpc<S extends Service>(service: S, options: ConnectJsonrpcOptions): ClientOf<S> {
  const { sender = undiciSender({ origin: options.url }), newId = autoIncrement() } = options;
  return clientOf(
    service,
    ({ name }) => jsonrpcClient({ ...options, sender, newId, method: name }),
    async () => {
      if (options.sender === undefined) await sender.close();
    },
  );
}
