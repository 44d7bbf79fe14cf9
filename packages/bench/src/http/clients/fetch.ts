import { path, type SumRequest, type SumResponse } from "../sum.ts";

export function makeClient(origin: string): (request: SumRequest) => Promise<SumResponse> {
  const url = origin + path;
  return async (request) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(request),
    });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return (await response.json()) as SumResponse;
  };
}
