import { Agent } from "node:http";
import axios from "axios";
import { inFlight, path, type SumRequest, type SumResponse } from "../sum.ts";

/** Without a look at the environment for a proxy at each call. */
export function makeClient(origin: string): (request: SumRequest) => Promise<SumResponse> {
  const client = axios.create({
    proxy: false,
    baseURL: origin,
    httpAgent: new Agent({ keepAlive: true, maxSockets: inFlight }),
  });
  return async (request) => (await client.post<SumResponse>(path, request)).data;
}
