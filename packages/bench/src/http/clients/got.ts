import { Agent } from "node:http";
import { got } from "got";
import { inFlight, path, type SumRequest, type SumResponse } from "../sum.ts";

export function makeClient(origin: string): (request: SumRequest) => Promise<SumResponse> {
  const client = got.extend({ agent: { http: new Agent({ keepAlive: true, maxSockets: inFlight }) } });
  const url = origin + path;
  return (request) => client.post(url, { json: request }).json<SumResponse>();
}
