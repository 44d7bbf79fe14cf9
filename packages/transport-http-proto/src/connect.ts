import { binaryService, type ProtobufMethod, type ProtobufService } from "@kit/protobuf";
import { type ClientOf, clientOf } from "@kit/service";
import { type HttpClientCommon, undiciSender } from "@kit/transport-http";
import { asBytes } from "./as-bytes.ts";
import { httpProtoClient } from "./client.ts";

export interface ConnectHttpProtoOptions extends HttpClientCommon {
  /** Where the service is: `http://host:port`, with the prefix that it is served under, if any. */
  readonly url: string | URL;
}

/**
 * A client of a whole service, over one pool of connections, made when first used. Dispose it to close them.
 *
 * Calls reject with the `KitError` that the server sent, `unavailable` when it cannot be reached, or the context's own cause.
 *
 * @throws {TypeError} when the URL is not one, or a method streams.
 */
export function connectHttpProto<S extends ProtobufService>(service: S, options: ConnectHttpProtoOptions): ClientOf<S> {
  const { sender = undiciSender({ origin: options.url }) } = options;
  const methods = service.methods as Record<string, ProtobufMethod>;
  const prefix = new URL(options.url);
  return clientOf(
    // A request may be as long as its server lets it be.
    binaryService(service, Infinity),
    ({ name }) => {
      const { path, requestStream, responseStream } = methods[name]!;
      if (requestStream || responseStream) throw new TypeError(`connectHttpProto: ${service.name}.${name} streams`);
      const url = new URL(prefix.pathname.replace(/\/$/, "") + path, prefix);
      return httpProtoClient({ ...options, sender, url, requestCodec: asBytes, responseCodec: asBytes });
    },
    async () => {
      if (options.sender === undefined) await sender.close();
    },
  ) as ClientOf<S>;
}
