import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type SumRequest, SumRequestSchema, type SumResponse, SumResponseSchema } from "./generated/sum_pb.ts";

/** How many calls are under way at once. */
export const inFlight = 64;

/** What all contenders serve and call. */
export const path = "/bench.Add/Sum";

export const request = { a: 1, b: 2 };
export const response = { v: 3 };

/** The operation as an IDL compiler for grpc-js writes it, on messages of protobuf-es. */
export const definition = {
  sum: {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message: SumRequest): Buffer => bufferOf(toBinary(SumRequestSchema, message)),
    requestDeserialize: (bytes: Buffer): SumRequest => fromBinary(SumRequestSchema, bytes),
    responseSerialize: (message: SumResponse): Buffer => bufferOf(toBinary(SumResponseSchema, message)),
    responseDeserialize: (bytes: Buffer): SumResponse => fromBinary(SumResponseSchema, bytes),
  },
} as const;

export function sumRequest(): SumRequest {
  return create(SumRequestSchema, request);
}

export function sumOf({ a, b }: SumRequest): SumResponse {
  return create(SumResponseSchema, { v: a + b });
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
