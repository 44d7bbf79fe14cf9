import { ClientProxyFactory, Transport } from "@nestjs/microservices";
import { firstValueFrom } from "rxjs";
import type { SumRequest, SumResponse } from "../../http/sum.ts";

export async function makeClient(url: string, prefix: string): Promise<(request: SumRequest) => Promise<SumResponse>> {
  const client = ClientProxyFactory.create({ transport: Transport.NATS, options: { servers: [url] } });
  await client.connect();
  return (request) => firstValueFrom(client.send<SumResponse, SumRequest>(`${prefix}.sum`, request));
}
