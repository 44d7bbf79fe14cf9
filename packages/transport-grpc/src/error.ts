import { Metadata, type StatusObject } from "@grpc/grpc-js";
import { create, fromBinary, fromJson, isMessage, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import {
  type Any,
  anyIs,
  anyPack,
  AnySchema,
  anyUnpack,
  durationFromMs,
  durationMs,
  StructSchema,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import { type Code, codeOf, codes, refusal, type KitError, toWire } from "@kit/endpoint";
import type { GrpcReply } from "./handler.ts";
import { RetryInfoSchema } from "./generated/retry_info_pb.ts";
import { StatusSchema } from "./generated/status_pb.ts";

/** Where a status says more than its code and message, as all of gRPC's own libraries read it. */
const detailsKey = "grpc-status-details-bin";

/** Peers take between 8 and 16 KiB of metadata; what is over that fails the call without a word of why. Base64 makes 8 KiB of this. */
const mostDetailsBytes = 6_144;

/** A message's characters once they are percent-encoded. */
const longestMessage = 4_096;

const codeByNumber = new Map(Object.entries(codes).map(([code, { grpc }]) => [grpc as number, code as Code]));

/**
 * The default: the code's number, the message and, where there are details or a retry hint, `grpc-status-details-bin`. An error that is no `KitError` tells the
 * caller nothing but `unknown`.
 *
 * Details that are an object cross as `google.protobuf.Struct`, other values as `google.protobuf.Value`, a retry hint as `google.rpc.RetryInfo`; a list of `Any`
 * messages crosses as it is. Details beyond 6 KiB, and what JSON cannot say, are left out; a message is cut when it takes more than 4 KiB.
 *
 * @see https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto
 */
export function encodeError(error: unknown, reply: GrpcReply): void {
  const { code, message, details, retryAfterMs } = toWire(error);
  const status = { code: codes[code].grpc, message: fitting(message) };
  reply.status = status;
  if (details === undefined && retryAfterMs === undefined) return;
  const hint =
    retryAfterMs === undefined
      ? []
      : [anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) }))];
  const whole = packed({ ...status, details: [...detailsToAny(details), ...hint] });
  const bytes = whole.length > mostDetailsBytes ? packed({ ...status, details: hint }) : whole;
  if (bytes.length <= mostDetailsBytes) reply.trailers[detailsKey] = Buffer.from(bytes).toString("base64");
}

function packed(status: { code: number; message: string; details: Any[] }): Uint8Array {
  return toBinary(StatusSchema, create(StatusSchema, status));
}

function detailsToAny(details: unknown): Any[] {
  if (details === undefined) return [];
  if (Array.isArray(details) && details.length > 0 && details.every((detail) => isMessage(detail, AnySchema)))
    return details;
  try {
    // Through text, so that what JSON.stringify makes of dates and the like is what crosses, here as everywhere.
    const json = JSON.parse(JSON.stringify(details)) as JsonValue;
    const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    return [
      isObject
        ? anyPack(StructSchema, fromJson(StructSchema, json))
        : anyPack(ValueSchema, fromJson(ValueSchema, json)),
    ];
  } catch {
    return [];
  }
}

/** What a go-kit server says: the text of **every** error, so this is for peers that need it. @see go-kit transport/grpc Server.ServeGRPC, which returns the error as it is */
export function encodeErrorPlain(error: unknown, reply: GrpcReply): void {
  const message = error instanceof Error ? error.message : String(error);
  reply.status = { code: codes[codeOf(error)].grpc, message: fitting(message) };
}

function fitting(message: string): string {
  const whole = message.toWellFormed();
  // One character makes nine at most.
  return encodeURI(whole).length <= longestMessage
    ? whole
    : `${whole.slice(0, longestMessage / 9 - 1)}…`.toWellFormed();
}

/**
 * The error that a status means. Details that are neither JSON's nor a retry hint are given as the `Any` messages that came, for `anyUnpack` of protobuf-es.
 *
 * @param notSent - the request certainly did not leave.
 */
export function decodeError(status: Pick<StatusObject, "code" | "details" | "metadata">, notSent: boolean): KitError {
  const code = codeByNumber.get(status.code) ?? "unknown";
  const told = moreOf(status.metadata);
  if (notSent) return refusal(code, "no connection to the server", { notSent, cause: status });
  return refusal(code, status.details, told);
}

function moreOf(metadata: Metadata): { details?: unknown; retryAfterMs?: number } {
  const [bytes] = metadata.get(detailsKey);
  if (!(bytes instanceof Uint8Array)) return {};
  try {
    const { details } = fromBinary(StatusSchema, bytes);
    const hint = details.find((detail) => anyIs(detail, RetryInfoSchema));
    const delay = hint && anyUnpack(hint, RetryInfoSchema)?.retryDelay;
    const retryAfterMs = delay && durationMs(delay);
    const rest = details.filter((detail) => detail !== hint);
    return {
      ...(rest.length > 0 && { details: detailsOf(rest) }),
      ...(retryAfterMs !== undefined && retryAfterMs >= 0 && { retryAfterMs }),
    };
  } catch {
    // Garbage: code and message have to do.
    return {};
  }
}

function detailsOf(details: Any[]): unknown {
  const [first] = details;
  if (details.length > 1 || first === undefined) return details;
  const struct = anyUnpack(first, StructSchema);
  if (struct !== undefined) return plain(toJson(StructSchema, struct));
  const value = anyUnpack(first, ValueSchema);
  return value === undefined ? details : plain(toJson(ValueSchema, value));
}

/** Free of a prototype that a key `__proto__` may have set. */
function plain(json: JsonValue): unknown {
  return JSON.parse(JSON.stringify(json));
}
