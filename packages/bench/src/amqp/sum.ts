/** How many requests are under way at once. */
export const inFlight = 64;

/** What all contenders are asked, and answer. */
export const request: SumRequest = { a: 1, b: 2 };

export interface SumRequest {
  readonly a: number;
  readonly b: number;
}

export interface SumResponse {
  readonly v: number;
}
