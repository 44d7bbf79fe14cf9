import type { AnyMiddleware } from "@kit/endpoint";
import { type CallSpan, inSpan } from "../src/index.ts";

interface ToldSpan extends CallSpan {
  /** In order. */
  readonly told: (readonly unknown[])[];
}

/** A span that notes what it is told. */
export function toldSpan(faults: Partial<CallSpan> = {}): ToldSpan {
  const told: (readonly unknown[])[] = [];
  return {
    told,
    tellSuccess: (failure) => void told.push(["success", failure]),
    tellFailure: (error) => void told.push(["failure", error]),
    finish: () => void told.push(["finish"]),
    report: (what, error) => void told.push([what, error]),
    ...faults,
  };
}

export const traced: AnyMiddleware = (next) => (request, ctx) => inSpan(toldSpan(), ctx, () => next(request, ctx));
