export { type Gobreaker, gobreaker, type GobreakerOptions } from "./gobreaker.ts";
export type { GobreakerCounts } from "./counts.ts";
