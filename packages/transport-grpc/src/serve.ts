import { binaryService, type ProtobufMethod, type ProtobufService } from "@kit/protobuf";
import type { MethodDefinition, Server, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { type EndpointsOf, servedMethods } from "@kit/service";
import { limit } from "@kit/transport";
import { exchanger } from "./exchange.ts";
import { asBody, bodyOf, type GrpcHandler, type GrpcServerOptions } from "./handler.ts";
import { Incoming } from "./incoming.ts";
import { defaultMaxBytes } from "./limits.ts";

export interface ServeGrpcOptions extends GrpcServerOptions {
  /** What it is served on; yours, so yours to bind, secure and shut down. */
  readonly server: Server;
  /** The longest message either way, in bytes. @default 4_194_304, gRPC's own; a server made with a lower `grpc.max_receive_message_length` keeps to that */
  readonly maxBytes?: number;
}

/** A service on a server. Disposing it closes it. */
export interface GrpcServed extends AsyncDisposable {
  /**
   * Takes no new calls (`unavailable`), lets those in hand finish, and takes the service off the server. Idempotent; the first one's time counts.
   *
   * @param options - how long calls in hand may go on, in ms; then they are cancelled. @default 10_000 — under the 30 s that Kubernetes waits before it kills
   * @returns whether every call in hand could finish.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<boolean>;
}

const asItIs = (bytes: Buffer): Buffer => bytes;

/**
 * Serves a whole service, streams included. Several services may share one server, as may handlers of other makers.
 *
 * @throws {TypeError} when the server has one of the methods already, a method has no endpoint, or a limit is not a positive number.
 */
export function serveGrpc<S extends ProtobufService>(
  service: S,
  endpoints: EndpointsOf<S>,
  options: ServeGrpcOptions,
): GrpcServed {
  const { server, maxBytes } = options;
  const { answering, drain } = exchanger(options);
  const served = servedMethods(binaryService(service, limit("maxBytes", maxBytes, defaultMaxBytes)), endpoints);
  const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const implementation: Record<string, GrpcHandler> = {};
  for (const { name, path, requestStream, responseStream } of Object.values<ProtobufMethod>(service.methods)) {
    const endpoint = served.get(name)!;
    const answer = answering({ endpoint, decode: bodyOf, encode: asBody, service: service.name, method: name });
    // Bytes to the last step, so that limits and garbage get codes of ours.
    definition[name] = {
      path,
      requestStream,
      responseStream,
      requestSerialize: asItIs,
      requestDeserialize: asItIs,
      responseSerialize: asItIs,
      responseDeserialize: asItIs,
    };
    implementation[name] = (call, callback) => void answer(new Incoming(call, callback));
  }
  add(server, definition, implementation, service.name);

  let closed: Promise<boolean> | undefined;
  async function leave(timeoutMs: number): Promise<boolean> {
    const finished = await drain(timeoutMs);
    server.removeService(definition);
    return finished;
  }
  const close: GrpcServed["close"] = ({ timeoutMs = 10_000 } = {}) => (closed ??= leave(timeoutMs));
  return {
    close,
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}

function add(
  server: Server,
  definition: ServiceDefinition,
  implementation: UntypedServiceImplementation,
  name: string,
): void {
  try {
    server.addService(definition, implementation);
  } catch (cause) {
    throw new TypeError(`serveGrpc: ${name}: ${(cause as Error).message}`, { cause });
  }
}
