import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { background } from "@kit/endpoint";
import { describe, expect, it } from "vitest";
import { GrpcHealth, grpcService, serveGrpcReflection } from "../src/index.ts";
import { ServerReflection, type ServerReflectionRequest } from "../src/generated/reflection_v1_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../src/generated/reflection_v1alpha_pb.ts";
import { Numbers, Suite } from "./generated/suite_pb.ts";
import { Test } from "./generated/test_pb.ts";
import { connected, listening } from "./serving.ts";

type Asked = ServerReflectionRequest["messageRequest"];

async function asking(service: any) {
  const { address } = await listening((server) => {
    serveGrpcReflection({ server, services: [Numbers, Suite, Test, GrpcHealth] });
  });
  const client: any = connected(grpcService(service), address);
  return async (...all: Asked[]) => {
    async function* requests() {
      for (const messageRequest of all) yield { host: "here", messageRequest };
    }
    const answers: any[] = [];
    for await (const answer of await client.serverReflectionInfo(requests(), background)) {
      expect(answer.originalRequest.messageRequest.case).toBe(all[answers.length]!.case);
      answers.push(answer.messageResponse);
    }
    return answers;
  };
}

function filesOf({ value }: any): FileDescriptorProto[] {
  return value.fileDescriptorProto.map((bytes: Uint8Array) => fromBinary(FileDescriptorProtoSchema, bytes));
}

describe.each([
  ["v1", ServerReflection],
  ["v1alpha", ServerReflectionAlpha],
])("%s", (_, service) => {
  it("lists what it was told to tell of, and itself", async () => {
    const [list] = await (await asking(service))({ case: "listServices", value: "" });
    expect(list.value.service.map(({ name }: { name: string }) => name)).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "kit.test.Numbers",
      "kit.test.Suite",
      "pb.Test",
    ]);
  });

  it("gives the file of any symbol, with all that it imports, so that it can be built again", async () => {
    const ask = await asking(service);
    const symbols = [
      "kit.test.Numbers",
      "kit.test.Numbers.Square",
      "kit.test.Number",
      "kit.test.Number.value",
      "grpc.health.v1.HealthCheckResponse.ServingStatus",
      "google.rpc.Status",
      "google.rpc.RetryInfo",
    ];
    const answers = await ask(...symbols.map((value): Asked => ({ case: "fileContainingSymbol", value })));
    const names = answers.map((answer) => filesOf(answer).map(({ name }) => name));
    expect(names).toEqual([
      ...symbols.slice(0, 4).map(() => ["suite.proto"]),
      ["health.proto"],
      ["status.proto", "google/protobuf/any.proto"],
      ["retry_info.proto", "google/protobuf/duration.proto"],
    ]);
    for (const answer of answers) {
      const file = filesOf(answer);
      expect(() => createFileRegistry(create(FileDescriptorSetSchema, { file: file.toReversed() }))).not.toThrow();
    }
    const [byName] = await ask({ case: "fileByFilename", value: "suite.proto" });
    expect(filesOf(byName)[0]!.service.map(({ name }) => name)).toEqual(["Suite", "Numbers"]);
  });

  it("says what it has not, and what it does not know", async () => {
    const answers = await (
      await asking(service)
    )(
      { case: "fileContainingSymbol", value: "kit.test.None" },
      { case: "fileContainingSymbol", value: "" },
      { case: "fileByFilename", value: "__proto__" },
      { case: "fileContainingExtension", value: { containingType: "a", extensionNumber: 1 } as never },
      { case: "allExtensionNumbersOfType", value: "kit.test.None" },
      { case: "allExtensionNumbersOfType", value: "kit.test.Number" },
      { case: undefined },
    );
    expect(answers.map(({ value }) => value.errorCode ?? value.extensionNumber)).toEqual([5, 5, 5, 5, 5, [], 3]);
  });
});
