import { Pool } from "undici";
import { inFlight, path, type SumRequest, type SumResponse } from "../sum.ts";

/** Over a pool of one's own: the limit of what undici's ordinary interface can do. */
export function makeClient(origin: string): (request: SumRequest) => Promise<SumResponse> {
  const pool = new Pool(origin, { connections: inFlight });
  return async (request) => {
    const { statusCode, body } = await pool.request({
      path,
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(request),
    });
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
    return (await body.json()) as SumResponse;
  };
}
