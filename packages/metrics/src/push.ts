export { StreamingDistribution } from "./distribution.ts";
export { flushEvery } from "./flush-every.ts";
export { heldSeries, type HeldSeries } from "./held.ts";
export { lineSender, type LineSender, type LineSenderOptions } from "./line-sender.ts";
export { pathOf, requireName } from "./path.ts";
