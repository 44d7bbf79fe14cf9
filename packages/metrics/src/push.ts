export { StreamingDistribution } from "./distribution.ts";
export { flushEvery } from "./flush-every.ts";
export { heldSeries, type HeldSeries } from "./held.ts";
export type { LineSender } from "@kit/line-sender";
export { lineSender, type LineSenderOptions } from "./line-sender.ts";
export { pathOf, requireName } from "./path.ts";
