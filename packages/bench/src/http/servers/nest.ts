import type { Server } from "node:http";
import { Body, Controller, HttpCode, Post } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { path, type SumRequest, type SumResponse } from "../sum.ts";

class SumController {
  sum({ a, b }: SumRequest): SumResponse {
    return { v: a + b };
  }
}

// What its decorators do, in a language without them.
const sum = Object.getOwnPropertyDescriptor(SumController.prototype, "sum")!;
Controller()(SumController);
Post(path)(SumController.prototype, "sum", sum);
HttpCode(200)(SumController.prototype, "sum", sum);
Body()(SumController.prototype, "sum", 0);

/** On Express. */
export async function makeServer(): Promise<Server> {
  const app = await NestFactory.create<NestExpressApplication>(
    { module: SumController, controllers: [SumController] },
    { logger: false },
  );
  // Neither is of use to callers that are programs.
  app.disable("x-powered-by");
  app.disable("etag");
  await app.init();
  return app.getHttpServer();
}
