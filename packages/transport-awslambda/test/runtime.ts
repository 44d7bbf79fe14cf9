import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { LambdaAnswer } from "../src/index.ts";

/** An invocation that a function has not taken, or not answered. */
interface Task {
  readonly payload: string;
  readonly settle: (answer: LambdaAnswer) => void;
}

/** Stands in for Lambda: hands invocations to the runtimes that ask for them. */
export interface Lambda extends AsyncDisposable {
  /** Where a runtime asks: its `AWS_LAMBDA_RUNTIME_API`. */
  readonly api: string;
  invoke(payload: string): Promise<LambdaAnswer>;
}

const version = "/2018-06-01/runtime";

/**
 * The part of Lambda that a function's runtime talks to. The real one runs at AWS only; this one speaks its protocol.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function standInLambda({ timeoutMs = 30_000 } = {}): Promise<Lambda> {
  const waiting: Task[] = [];
  const running = new Map<string, Task>();
  const runtimes: ServerResponse[] = [];

  function next(): void {
    while (waiting.length > 0 && runtimes.length > 0) {
      const [id, task, runtime] = [randomUUID(), waiting.shift()!, runtimes.shift()!];
      running.set(id, task);
      runtime.writeHead(200, {
        "content-type": "application/json",
        "lambda-runtime-aws-request-id": id,
        "lambda-runtime-deadline-ms": String(Date.now() + timeoutMs),
        "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-central-1:000000000000:function:suite",
      });
      runtime.end(task.payload);
    }
  }

  async function answered(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, id = "", what] = /\/invocation\/([^/]+)\/(response|error)$/.exec(request.url!) ?? [];
    const payload = Buffer.concat(await request.toArray());
    response.writeHead(running.has(id) ? 202 : 400).end();
    running.get(id)?.settle(what === "error" ? { payload, functionError: "Unhandled" } : { payload });
    running.delete(id);
  }

  const server = createServer((request, response) => {
    if (request.url === `${version}/invocation/next`) {
      runtimes.push(response);
      next();
    } else {
      void answered(request, response);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    api: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    invoke: (payload) =>
      new Promise((settle) => {
        waiting.push({ payload, settle });
        next();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
