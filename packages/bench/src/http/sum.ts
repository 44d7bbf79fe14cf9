/** How many requests are under way at once. */
export const inFlight = 64;

/** Where the operation is that all contenders serve and call. */
export const path = "/sum";

export interface SumRequest {
  readonly a: number;
  readonly b: number;
}

export interface SumResponse {
  readonly v: number;
}

export const request: SumRequest = { a: 1, b: 2 };
export const response: SumResponse = { v: 3 };
