import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { MessagePattern, type MicroserviceOptions, Transport } from "@nestjs/microservices";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

class AddController {
  sum({ a, b }: SumRequest): SumResponse {
    return { v: a + b };
  }
}

// oxlint-disable-next-line typescript/no-extraneous-class -- a module of Nest's is its decorator.
class AddModule {}
Module({ controllers: [AddController] })(AddModule);

export async function serve(url: string, prefix: string): Promise<void> {
  const { prototype } = AddController;
  Controller()(AddController);
  MessagePattern(`${prefix}.sum`)(prototype, "sum", Object.getOwnPropertyDescriptor(prototype, "sum")!);
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(AddModule, {
    transport: Transport.NATS,
    options: { servers: [url], queue: prefix },
    logger: false,
  });
  await app.listen();
}
