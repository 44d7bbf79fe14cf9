import { fastify } from "fastify";
import { Pool } from "undici";
import { inFlight, path, type SumRequest, type SumResponse } from "../../http/sum.ts";
import { announce, announced } from "../by-hand/registry.ts";
import { sumSchema } from "../by-hand/sum-schema.ts";
import type { Call } from "../contenders.ts";
import { listen } from "../listen.ts";

export async function serve(place: string): Promise<void> {
  const app = fastify();
  app.post<{ Body: SumRequest }>(path, { schema: sumSchema }, async ({ body: { a, b } }) => ({ v: a + b }));
  await app.ready();
  await announce(place, await listen(app.server));
}

export async function connect(place: string): Promise<Call> {
  const pools = (await announced(place)).map((address) => new Pool(`http://${address}`, { connections: inFlight }));
  let turn = 0;
  return async (request) => {
    const pool = pools[turn++ % pools.length]!;
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
