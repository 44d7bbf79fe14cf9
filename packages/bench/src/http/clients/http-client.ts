import { background } from "@kit/endpoint";
import { httpClient } from "@kit/transport-http";
import { path, type SumRequest, type SumResponse } from "../sum.ts";

export function makeClient(origin: string): (request: SumRequest) => Promise<SumResponse> {
  const client = httpClient<SumRequest, SumResponse>({ url: origin + path });
  return (request) => client(request, background);
}
