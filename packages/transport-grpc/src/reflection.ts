import type { Server } from "@grpc/grpc-js";
import {
  type DescExtension,
  type DescFile,
  type DescService,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { codes } from "@kit/endpoint";
import { type ProtobufDescriptor, protobufService } from "@kit/protobuf";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "./generated/reflection_v1_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "./generated/reflection_v1alpha_pb.ts";
import { file_retry_info } from "./generated/retry_info_pb.ts";
import { file_status } from "./generated/status_pb.ts";
import { type GrpcServed, serveGrpc } from "./serve.ts";

export interface GrpcReflectionOptions {
  /** What it is served on; yours. */
  readonly server: Server;
  /** What to tell of: descriptors that protobuf-es generated, and `GrpcHealth` where it is served. Reflection itself is told of anyway. */
  readonly services: readonly ProtobufDescriptor[];
}

type Answer = Exclude<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"], undefined>;

/**
 * Serves `grpc.reflection`, v1 and v1alpha, by which grpcurl and its like list, describe and call a server's services. It tells every caller all that the IDL
 * says, comments excepted.
 *
 * @throws {TypeError} when the server has one already.
 * @see https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 */
export function serveGrpcReflection(options: GrpcReflectionOptions): GrpcServed {
  const { server } = options;
  const services = [...options.services, ServerReflection, ServerReflectionAlpha] as unknown as readonly DescService[];
  const answer = answering(services);

  async function* answers(requests: AsyncIterable<ServerReflectionRequest>) {
    for await (const request of requests) {
      const { host, messageRequest } = request;
      yield { validHost: host, originalRequest: { host, messageRequest }, messageResponse: answer(messageRequest) };
    }
  }

  // One for both: the message's own name is all that differs, and is not sent.
  const serverReflectionInfo = async (requests: AsyncIterable<any>): Promise<AsyncIterable<any>> => answers(requests);
  const served = [
    serveGrpc(protobufService(ServerReflection), { serverReflectionInfo }, { server }),
    serveGrpc(protobufService(ServerReflectionAlpha), { serverReflectionInfo }, { server }),
  ];
  const close: GrpcServed["close"] = async (closing) => {
    const finished = await Promise.all(served.map((one) => one.close(closing)));
    return finished.every(Boolean);
  };
  return {
    close,
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}

function answering(services: readonly DescService[]): (asked: ServerReflectionRequest["messageRequest"]) => Answer {
  const byName = new Map<string, DescFile>();
  const bySymbol = new Map<string, DescFile>();
  const extensions: DescExtension[] = [];
  // What errors are made of is asked for as well.
  const roots = [...services.map(({ file }) => file), file_status, file_retry_info];
  for (const file of roots.flatMap(withImports)) {
    if (byName.has(file.proto.name)) continue;
    byName.set(file.proto.name, file);
    for (const type of nestedTypes(file)) {
      bySymbol.set(type.typeName, file);
      if (type.kind === "extension") extensions.push(type);
    }
  }

  const files = (file: DescFile | undefined): Answer => {
    if (file === undefined) return missing;
    const fileDescriptorProto = withImports(file).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
  };
  const extendersOf = (type: string): DescExtension[] =>
    extensions.filter(({ extendee }) => extendee.typeName === type);

  return (asked) => {
    switch (asked.case) {
      case "listServices": {
        const names = [...new Set(services.map(({ typeName }) => typeName))].toSorted();
        return { case: "listServicesResponse", value: { service: names.map((name) => ({ name })) } };
      }
      case "fileByFilename":
        return files(byName.get(asked.value));
      case "fileContainingSymbol":
        // A method, a field or a value of an enum is in the file of what it belongs to.
        return files(bySymbol.get(asked.value) ?? bySymbol.get(asked.value.slice(0, asked.value.lastIndexOf("."))));
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = asked.value;
        return files(extendersOf(containingType).find(({ number }) => number === extensionNumber)?.file);
      }
      case "allExtensionNumbersOfType": {
        if (!bySymbol.has(asked.value)) return missing;
        const extensionNumber = extendersOf(asked.value).map(({ number }) => number);
        return { case: "allExtensionNumbersResponse", value: { baseTypeName: asked.value, extensionNumber } };
      }
      case undefined:
      default:
        return {
          case: "errorResponse",
          value: { errorCode: codes.invalid_argument.grpc, errorMessage: "a question that is not known here" },
        };
    }
  };
}

const missing: Answer = {
  case: "errorResponse",
  value: { errorCode: codes.not_found.grpc, errorMessage: "not found" },
};

/** The file first, then each that it imports, once. */
function withImports(file: DescFile): DescFile[] {
  const found = new Set<DescFile>();
  const add = (one: DescFile): void => {
    if (found.has(one)) return;
    found.add(one);
    one.dependencies.forEach(add);
  };
  add(file);
  return [...found];
}
