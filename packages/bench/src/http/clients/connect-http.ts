import { background } from "@kit/endpoint";
import { connectHttp } from "@kit/transport-http";
import { Sum } from "../contract.ts";
import type { SumRequest, SumResponse } from "../sum.ts";

export function makeClient(origin: string): (request: SumRequest) => Promise<SumResponse> {
  const client = connectHttp(Sum, { url: origin });
  return (request) => client.sum(request, background);
}
