import ky from "ky";
import { path, type SumRequest, type SumResponse } from "../sum.ts";

export function makeClient(origin: string): (request: SumRequest) => Promise<SumResponse> {
  const url = origin + path;
  return (request) => ky.post(url, { json: request }).json<SumResponse>();
}
