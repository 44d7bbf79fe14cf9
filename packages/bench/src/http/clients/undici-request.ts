import { request as send } from "undici";
import { path, type SumRequest, type SumResponse } from "../sum.ts";

/** Over undici's own, global dispatcher. */
export function makeClient(origin: string): (request: SumRequest) => Promise<SumResponse> {
  const url = origin + path;
  return async (request) => {
    const { statusCode, body } = await send(url, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(request),
    });
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
    return (await body.json()) as SumResponse;
  };
}
