import { KitError } from "@kit/endpoint";
import type { Method, Service } from "@kit/service";
import { mapped } from "./mapped.ts";
import type { ProtobufMethod, ProtobufService } from "./protobuf-service.ts";

/**
 * The service with bytes where other wires have JSON. The time that a streaming method may take is left to the transport, since the promise of a stream is
 * kept long before its end.
 *
 * @param maxBytes - the longest message either way.
 */
export function binaryService(service: ProtobufService, maxBytes: number): Service {
  const methods = Object.values<ProtobufMethod>(service.methods).map((method) => [
    method.name,
    binaryMethod(method, maxBytes),
  ]);
  return { name: service.name, methods: Object.fromEntries(methods) };
}

/** One of its methods. */
export function binaryMethod(method: ProtobufMethod, maxBytes: number): Method {
  const { service, name, requestStream, responseStream, requestCodec, responseCodec, check, timeoutMs } = method;
  const fit = (bytes: Uint8Array): Uint8Array => {
    if (bytes.length <= maxBytes) return bytes;
    throw new KitError("resource_exhausted", `${service}.${name}: a message of more than ${maxBytes} bytes`);
  };
  const encode =
    (code: "invalid_argument" | "internal", what: string, toBytes: (value: any) => Uint8Array) =>
    (value: unknown): Buffer => {
      let bytes: Uint8Array;
      try {
        bytes = toBytes(value);
      } catch (cause) {
        throw new KitError(code, `${service}.${name}: invalid ${what}`, { cause });
      }
      fit(bytes);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    };
  const decode =
    (code: "invalid_argument" | "internal", what: string, fromBytes: (bytes: Uint8Array) => unknown) =>
    (wire: unknown): unknown => {
      const bytes = fit(wire as Uint8Array);
      try {
        return fromBytes(bytes);
      } catch (cause) {
        throw new KitError(code, `${service}.${name}: invalid ${what}`, { cause });
      }
    };
  const decodeRequest = decode("invalid_argument", "request", requestCodec.decode);
  const checked = check === undefined ? decodeRequest : (wire: unknown) => check(decodeRequest(wire));
  const each = (streams: boolean, map: (item: unknown) => unknown): ((value: unknown) => unknown) =>
    streams ? (items) => mapped(items as AsyncIterable<unknown>, map) : map;
  return {
    ...method,
    timeoutMs: requestStream || responseStream ? undefined : timeoutMs,
    request: {
      encode: each(requestStream, encode("invalid_argument", "request", requestCodec.encode)),
      decode: each(requestStream, checked),
    },
    response: {
      encode: each(responseStream, encode("internal", "response", responseCodec.encode)),
      decode: each(responseStream, decode("internal", "response", responseCodec.decode)),
    },
  };
}
