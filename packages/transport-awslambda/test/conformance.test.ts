import { testTransport, type TransportSubject } from "@kit/conformance/transport";
import { KitError } from "@kit/endpoint";
import { defineService } from "@kit/service";
import { z } from "zod";
import { connectLambda, type LambdaAnswer, type LambdaFunction, serveLambda } from "../src/index.ts";

const any = { request: z.any(), response: z.any() };
const Suite = defineService("suite", {
  echo: any,
  add: any,
  fail: any,
  unknownError: any,
  slow: any,
  carried: any,
  callInfo: any,
});

/** What Lambda does with a function, as far as a caller sees it: payloads and answers are JSON. Each invocation may be in a sandbox of its own, so many run at once. */
async function invoked(handler: LambdaFunction, payload: string): Promise<LambdaAnswer> {
  const until = Date.now() + 60_000;
  const context = { functionName: "suite", getRemainingTimeInMillis: () => until - Date.now() };
  return { payload: JSON.stringify(await handler(JSON.parse(payload), context)) ?? "null" };
}

const subject: TransportSubject = {
  async serve(methods) {
    const handler = serveLambda(Suite, methods);
    let stop!: (error: Error) => void;
    const stopped = new Promise<never>((_, reject) => {
      stop = reject;
    });
    stopped.catch(() => {});
    const client = connectLambda(Suite, { invoke: (payload) => Promise.race([stopped, invoked(handler, payload)]) });
    return { client, close: async () => stop(new KitError("unavailable", "no such function")) };
  },
};

testTransport({
  setup: async () => ({ subject }),
  supports: {
    codes: true,
    details: true,
    retryAfterMs: true,
    deadline: true,
    cancellation: "Lambda does not tell a function that its caller has gone away",
    carriedValues: true,
    outOfOrder: true,
  },
});
