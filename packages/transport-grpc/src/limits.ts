import { limit } from "@kit/transport";

/** What a server does for one caller at most. */
export interface GrpcLimits {
  /** The longest unary call, whatever its caller wants, in ms. @default 60_000 — nobody waits longer */
  readonly maxTimeoutMs?: number;
  /** The longest stream, in ms. @default Infinity, since a stream may well live as long as its caller, and keep-alive sees that it lives */
  readonly maxStreamMs?: number;
  /** The most calls in hand, streams included; beyond, `resource_exhausted` at once. @default 16_384 — what a process of Node's can hold in memory */
  readonly maxCalls?: number;
}

export function limitsOf(given: GrpcLimits): Required<GrpcLimits> {
  return {
    maxTimeoutMs: limit("maxTimeoutMs", given.maxTimeoutMs, 60_000),
    maxStreamMs: limit("maxStreamMs", given.maxStreamMs, Infinity),
    maxCalls: limit("maxCalls", given.maxCalls, 16_384),
  };
}

/** The longest message either way, in bytes: gRPC's own default. */
export const defaultMaxBytes = 4_194_304;
