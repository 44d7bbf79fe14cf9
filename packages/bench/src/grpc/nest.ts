import { fileURLToPath } from "node:url";
import { type GrpcOptions, Transport } from "@nestjs/microservices";

/** What both of NestJS's ends are told; they read the messages from the file when they run. */
export function nestOptions(address: string): GrpcOptions {
  const protoPath = fileURLToPath(new URL("../../src/grpc/sum.proto", import.meta.url));
  return { transport: Transport.GRPC, options: { package: "bench", protoPath, url: address } };
}
