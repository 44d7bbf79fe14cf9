import { background } from "@kit/endpoint";
import { defineService, implement } from "@kit/service";
import { amqpConnection, connectAmqp, serveAmqp } from "@kit/transport-amqp";
import { z } from "zod";
import type { SumRequest, SumResponse } from "../sum.ts";

const Sums = defineService("bench-kit-contract", {
  sum: { request: z.object({ a: z.number(), b: z.number() }), response: z.object({ v: z.number() }) },
});

export async function serve(url: string): Promise<void> {
  const endpoints = implement(Sums, { sum: async ({ a, b }) => ({ v: a + b }) });
  await serveAmqp(Sums, endpoints, { connection: amqpConnection({ url }) }).ready();
}

export async function connect(url: string): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const sums = connectAmqp(Sums, { connection: amqpConnection({ url }) });
  return (request) => sums.sum(request, background);
}
