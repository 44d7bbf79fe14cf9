// A function in a process of its own, below the smallest runtime that speaks Lambda's protocol: takes an invocation, answers it, takes the next.
import { defineService } from "@kit/service";
import { serveLambda } from "@kit/transport-awslambda";
import { z } from "zod";

const Adder = defineService("adder", {
  sum: { request: z.object({ a: z.number(), b: z.number() }), response: z.object({ v: z.number() }) },
});
export const handler = serveLambda(Adder, { sum: async ({ a, b }) => ({ v: a + b }) });

const invocation = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const post = (path, value) => fetch(`${invocation}/${path}`, { method: "POST", body: JSON.stringify(value ?? null) });

// AWS's own runtime imports this file and runs the loop itself.
while (process.env.KIT_OWN_RUNTIME === "1") {
  const next = await fetch(`${invocation}/next`);
  const id = next.headers.get("lambda-runtime-aws-request-id");
  const deadline = Number(next.headers.get("lambda-runtime-deadline-ms"));
  const context = { functionName: "suite", getRemainingTimeInMillis: () => deadline - Date.now() };
  try {
    await post(`${id}/response`, await handler(await next.json(), context));
  } catch (error) {
    await post(`${id}/error`, { errorType: error.name, errorMessage: error.message });
  }
}
