import type { HeaderGetter, HeaderSetter, Propagation, SpanContext } from "@opencensus/core";
import { randomBytes } from "node:crypto";

/** Of 128 bits, or of 64. */
const traceForm = /^(?:[0-9a-f]{16}){1,2}$/i;
const spanForm = /^[0-9a-f]{16}$/i;

/** What "sampled" says, as old and new tracers write it. Anything else leaves the decision to us. */
const sampledForms = new Map([
  ["1", 1],
  ["true", 1],
  ["0", 0],
  ["false", 0],
]);

/**
 * Zipkin's headers `x-b3-traceid`, `x-b3-spanid` and `x-b3-sampled`, as OpenCensus for Go writes and reads them, which is go-kit's default.
 * Unlike `@opencensus/propagation-b3`, which takes anything for an id, it is as if nothing came where no trace did; a trace id of 64 bits is
 * filled up, and `x-b3-flags: 1`, a debug trace, is sampled.
 *
 * @see https://github.com/openzipkin/b3-propagation
 */
export const b3: Propagation = {
  extract(getter: HeaderGetter): SpanContext | null {
    const header = (name: string): string => String(getter.getHeader(name) ?? "");
    const traceId = header("x-b3-traceid");
    const spanId = header("x-b3-spanid");
    if (!traceForm.test(traceId) || !spanForm.test(spanId)) return null;
    const options = header("x-b3-flags") === "1" ? 1 : sampledForms.get(header("x-b3-sampled"));
    return {
      traceId: traceId.toLowerCase().padStart(32, "0"),
      spanId: spanId.toLowerCase(),
      ...(options !== undefined && { options }),
    };
  },

  inject(setter: HeaderSetter, { traceId, spanId, options }: SpanContext): void {
    setter.setHeader("x-b3-traceid", traceId);
    setter.setHeader("x-b3-spanid", spanId);
    // Whose decision is still open leaves it to the next.
    if (options !== undefined) setter.setHeader("x-b3-sampled", String(options & 1));
  },

  generate: () => ({ traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex"), options: 1 }),
};
