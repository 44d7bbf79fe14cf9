import { fileURLToPath } from "node:url";
import { loadSync } from "@grpc/proto-loader";
import { type GrpcOptions, Transport } from "@nestjs/microservices";

const file = fileURLToPath(new URL("../../src/grpc/sum.proto", import.meta.url));

/** What both of NestJS's ends are told; they read the messages from the file when they run. */
export function nestOptions(address: string): GrpcOptions {
  return { transport: Transport.GRPC, options: { package: "bench", packageDefinition: loadSync(file), url: address } };
}
