import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import {
  ClientProxyFactory,
  MessagePattern,
  type MicroserviceOptions,
  type RmqOptions,
  Transport,
} from "@nestjs/microservices";
import { firstValueFrom } from "rxjs";
import type { SumRequest, SumResponse } from "../sum.ts";

/** As it comes: direct reply-to, nothing acknowledged. */
function rabbitmq(url: string): RmqOptions {
  return { transport: Transport.RMQ, options: { urls: [url], queue: "bench-nest" } };
}

class AddController {
  sum({ a, b }: SumRequest): SumResponse {
    return { v: a + b };
  }
}
const { prototype } = AddController;
Controller()(AddController);
MessagePattern("sum")(prototype, "sum", Object.getOwnPropertyDescriptor(prototype, "sum")!);

// oxlint-disable-next-line typescript/no-extraneous-class -- a module of Nest's is its decorator.
class AddModule {}
Module({ controllers: [AddController] })(AddModule);

export async function serve(url: string): Promise<void> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(AddModule, { ...rabbitmq(url), logger: false });
  await app.listen();
}

export async function connect(url: string): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const client = ClientProxyFactory.create(rabbitmq(url));
  await client.connect();
  return (request) => firstValueFrom(client.send<SumResponse, SumRequest>("sum", request));
}
