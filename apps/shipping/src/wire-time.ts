import { z } from "zod";

/** Go's zero time, which stands for none. */
const zero = "0001-01-01T00:00:00Z";

/** A time as go-kit's shipping takes it: left out, or zero, it is `undefined`. */
export const wireTime = z.iso
  .datetime({ offset: true })
  .optional()
  .transform((text) => (text === undefined || text === zero ? undefined : new Date(text)));

/** A time as go-kit's shipping writes it. */
export function formatTime(time: Date | undefined): string {
  return time?.toISOString().replace(/\.?0+Z$/, "Z") ?? zero;
}
