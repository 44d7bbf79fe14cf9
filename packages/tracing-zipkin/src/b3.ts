import type { Incoming, Outgoing } from "@kit/tracing";
import { option, TraceId } from "zipkin";

/** The decision on sampling without ids, as B3 may carry it alone; in a {@link TraceId} it has some. */
export type Decision = Pick<TraceId, "sampled" | "isDebug">;

export const hasIds = (b3: TraceId | Decision): b3 is TraceId => "spanId" in b3;

/** Nothing is known: whoever opens a span decides. */
const undecided: Decision = { sampled: option.None, isDebug: () => false };

const decided = (sampled: boolean): Decision => ({ sampled: new option.Some(sampled), isDebug: () => false });

const debugging: Decision = { sampled: new option.Some(true), isDebug: () => true };

/** The words come from before B3 was written down. */
const decisions = new Map([
  ["0", decided(false)],
  ["false", decided(false)],
  ["1", decided(true)],
  ["true", decided(true)],
  ["d", debugging],
]);

/** Trace id, span id, and perhaps the decision and the parent's id. */
const singleForm = /^([^-]*)-([^-]*)(?:-([01d])(?:-([^-]*))?)?$/;

/** Zipkin refuses a whole batch for one upper-case letter, so ids become lower-case here. */
const hexForm = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/i;

/**
 * Reads B3, in one header or in several; one that is none is as good as missing.
 *
 * @see https://github.com/openzipkin/b3-propagation
 */
export function readB3(message: Incoming): TraceId | Decision {
  return readSingle(message.header("b3")?.trim()) ?? readMulti(message) ?? undecided;
}

function readSingle(header: string | undefined): TraceId | Decision | undefined {
  if (header === undefined) return undefined;
  const alone = decisions.get(header);
  if (alone !== undefined) return alone;
  const [, traceId, spanId, sampled, parentId] = singleForm.exec(header) ?? [];
  return idsOf(traceId, spanId, parentId, decisions.get(sampled ?? "") ?? undecided);
}

function readMulti(message: Incoming): TraceId | Decision | undefined {
  const decision =
    message.header("x-b3-flags") === "1"
      ? debugging
      : (decisions.get(message.header("x-b3-sampled") ?? "") ?? undecided);
  const [traceId, spanId, parentId] = ["x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid"].map((name) =>
    message.header(name)?.trim(),
  );
  return traceId === undefined && spanId === undefined ? decision : idsOf(traceId, spanId, parentId, decision);
}

function idsOf(
  traceId: string | undefined,
  spanId: string | undefined,
  parentId: string | undefined,
  decision: Decision,
): TraceId | undefined {
  if (!isId(traceId) || !isId(spanId) || spanId.length !== 16) return undefined;
  return new TraceId({
    traceId: traceId.toLowerCase(),
    spanId: spanId.toLowerCase(),
    parentId: isId(parentId) && parentId.length === 16 ? new option.Some(parentId.toLowerCase()) : option.None,
    sampled: decision.sampled,
    debug: decision.isDebug(),
  });
}

/** The same with a decision. */
export function decide(b3: TraceId | Decision, sampled: boolean | undefined): TraceId | Decision {
  if (sampled === undefined) return b3;
  const { traceId, spanId, parentSpanId: parentId } = b3 as TraceId;
  const decision = decided(sampled);
  return hasIds(b3) ? new TraceId({ traceId, spanId, parentId, sampled: decision.sampled }) : decision;
}

function isId(text: string | undefined): text is string {
  return text !== undefined && hexForm.test(text) && /[^0]/.test(text);
}

/** One header; with nothing to say none. */
export function writeSingle(b3: TraceId | Decision, { headers }: Outgoing): void {
  const decision = b3.isDebug() ? "d" : b3.sampled.map((sampled): string => (sampled ? "1" : "0")).getOrElse("");
  if (!hasIds(b3)) {
    if (decision !== "") headers["b3"] = decision;
    return;
  }
  const { traceId, spanId, parentSpanId } = b3;
  const parent = parentSpanId.map((id) => `-${id}`).getOrElse("");
  // Its place is fixed, so without the decision it cannot be told.
  headers["b3"] = decision === "" ? `${traceId}-${spanId}` : `${traceId}-${spanId}-${decision}${parent}`;
}

/** A header for each part. */
export function writeMulti(b3: TraceId | Decision, { headers }: Outgoing): void {
  if (hasIds(b3)) {
    headers["x-b3-traceid"] = b3.traceId;
    headers["x-b3-spanid"] = b3.spanId;
    b3.parentSpanId.ifPresent((id) => (headers["x-b3-parentspanid"] = id));
  }
  if (b3.isDebug()) headers["x-b3-flags"] = "1";
  else b3.sampled.ifPresent((sampled) => (headers["x-b3-sampled"] = sampled ? "1" : "0"));
}
