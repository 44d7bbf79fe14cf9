import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { GrpcMethod, type MicroserviceOptions } from "@nestjs/microservices";
import { nestOptions } from "../nest.ts";

class AddController {
  sum({ a, b }: { readonly a: number; readonly b: number }): { readonly v: number } {
    return { v: a + b };
  }
}
const { prototype } = AddController;
Controller()(AddController);
GrpcMethod("Add", "Sum")(prototype, "sum", Object.getOwnPropertyDescriptor(prototype, "sum")!);

// oxlint-disable-next-line typescript/no-extraneous-class -- a module of Nest's is its decorator.
class AddModule {}
Module({ controllers: [AddController] })(AddModule);

export async function listen(): Promise<number> {
  const port = await freePort();
  const options = nestOptions(`127.0.0.1:${port}`);
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(AddModule, { ...options, logger: false });
  await app.listen();
  return port;
}

/** It does not tell which port it was given. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}
