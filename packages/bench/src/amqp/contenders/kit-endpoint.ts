import { background } from "@kit/endpoint";
import { amqpClient, amqpConnection, amqpHandler } from "@kit/transport-amqp";
import type { SumRequest, SumResponse } from "../sum.ts";

const queue = "bench-kit-endpoint";

export async function serve(url: string): Promise<void> {
  const connection = amqpConnection({ url });
  await amqpHandler(async ({ a, b }: SumRequest): Promise<SumResponse> => ({ v: a + b }), {
    connection,
    queue,
  }).ready();
}

export async function connect(url: string): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const client = amqpClient<SumRequest, SumResponse>({ connection: amqpConnection({ url }), queue });
  return (request) => client(request, background);
}
