import type { SumRequest, SumResponse } from "./sum.ts";

/** One contender's client. */
export interface ClientModule {
  makeClient(origin: string): (request: SumRequest) => Promise<SumResponse>;
}

/** The clients, each loaded in a process of its own. */
export const clients = {
  httpClient: () => import("./clients/http-client.ts"),
  "connectHttp, contract and zod": () => import("./clients/connect-http.ts"),
  "undici.request": () => import("./clients/undici-request.ts"),
  "undici Pool.request": () => import("./clients/undici-pool.ts"),
  fetch: () => import("./clients/fetch.ts"),
  got: () => import("./clients/got.ts"),
  axios: () => import("./clients/axios.ts"),
  ky: () => import("./clients/ky.ts"),
} as const satisfies Record<string, () => Promise<ClientModule>>;

export type ClientName = keyof typeof clients;
