import {
  BadRequestException,
  Body,
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  HttpCode,
  HttpException,
  Module,
  type NestInterceptor,
  type PipeTransform,
  Post,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { type Span, SpanKind } from "@opentelemetry/api";
import { type Observable, tap } from "rxjs";
import { z } from "zod";
import { path, type SumRequest, type SumResponse } from "../../http/sum.ts";
import { bucketByHand } from "../../bucket-by-hand.ts";
import { connectByHand } from "../by-hand/client.ts";
import { measures } from "../by-hand/measures.ts";
import { announce } from "../by-hand/registry.ts";
import { parentOf } from "../by-hand/traceparent.ts";
import type { Call } from "../contenders.ts";
import { ratePerSecond } from "../job.ts";
import { listen } from "../listen.ts";
import { openLog } from "../log.ts";
import { openTracer } from "../tracing.ts";

// Decorators are functions, called here by hand, since the syntax cannot be erased.

interface Request {
  readonly headers: Readonly<Record<string, string | undefined>>;
  span: Span;
}

const requestOf = (context: ExecutionContext): Request => context.switchToHttp().getRequest<Request>();

const codeOf = (error: unknown): string => String(error instanceof HttpException ? error.getStatus() : 500);

class LimitGuard implements CanActivate {
  readonly #isWithinLimit = bucketByHand(ratePerSecond);

  canActivate(): boolean {
    if (this.#isWithinLimit()) return true;
    throw new HttpException("over the limit", 429);
  }
}

class MetricsInterceptor implements NestInterceptor {
  readonly #measures = measures("");

  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { began, ended } = this.#measures;
    const start = performance.now();
    began();
    return next.handle().pipe(
      tap({
        next: () => ended("ok", performance.now() - start),
        error: (error: unknown) => ended(codeOf(error), performance.now() - start),
      }),
    );
  }
}

class TraceInterceptor implements NestInterceptor {
  readonly #tracer = openTracer();

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = requestOf(context);
    const attributes = { "rpc.method": "sum/sum", "rpc.system.name": "http" };
    const parent = parentOf(request.headers["traceparent"]);
    const span = this.#tracer.startSpan("sum/sum", { kind: SpanKind.SERVER, attributes }, parent);
    request.span = span;
    return next.handle().pipe(
      tap({
        next: () => span.end(),
        error(error: unknown) {
          span.setAttribute("error.type", codeOf(error));
          span.end();
        },
      }),
    );
  }
}

class LogInterceptor implements NestInterceptor {
  readonly #log = openLog().child({ service: "sum", method: "sum", transport: "http" });

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const start = performance.now();
    const { traceId } = requestOf(context).span.spanContext();
    const line = () => ({ trace_id: traceId, took_ms: Math.round((performance.now() - start) * 1000) / 1000 });
    return next.handle().pipe(
      tap({
        next: () => this.#log.info(line()),
        error: (error: unknown) => this.#log.warn({ ...line(), code: codeOf(error) }),
      }),
    );
  }
}

/** As Nest's guide has it for zod. */
class ZodPipe implements PipeTransform<unknown, SumRequest> {
  readonly #schema = z.object({ a: z.int(), b: z.int() });

  transform(body: unknown): SumRequest {
    const { success, data, error } = this.#schema.safeParse(body);
    if (!success) throw new BadRequestException(error.message);
    return data;
  }
}

class SumController {
  sum({ a, b }: SumRequest): SumResponse {
    return { v: a + b };
  }
}
const sum = Object.getOwnPropertyDescriptor(SumController.prototype, "sum")!;
Controller()(SumController);
Post(path)(SumController.prototype, "sum", sum);
HttpCode(200)(SumController.prototype, "sum", sum);
Body(new ZodPipe())(SumController.prototype, "sum", 0);

class ServerModule {}
Module({ controllers: [SumController] })(ServerModule);

export async function serve(place: string): Promise<void> {
  const app = await NestFactory.create<NestExpressApplication>(ServerModule, { logger: false });
  // Neither is of use to callers that are programs.
  app.disable("x-powered-by");
  app.disable("etag");
  app.useGlobalGuards(new LimitGuard());
  app.useGlobalInterceptors(new MetricsInterceptor(), new TraceInterceptor(), new LogInterceptor());
  await app.init();
  await announce(place, await listen(app.getHttpServer()));
}

const client = Symbol("client");

/** Nest has nothing for this side but a place to put it: its HttpModule is axios, which costs several times as much. */
export async function connect(place: string): Promise<Call> {
  class ClientModule {}
  Module({ providers: [{ provide: client, useFactory: () => connectByHand(place) }] })(ClientModule);
  const app = await NestFactory.createApplicationContext(ClientModule, { logger: false });
  return app.get<Call>(client);
}
