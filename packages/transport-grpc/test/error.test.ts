import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, anyUnpack, DurationSchema, TimestampSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { Client, Metadata, status as Status } from "@grpc/grpc-js";
import { background, codes, KitError, type KitErrorOptions } from "@kit/endpoint";
import { declaredError } from "@kit/service";
import fc from "fast-check";
import { expect, it } from "vitest";
import { z } from "zod";
import { encodeError, type GrpcReply, grpcService, messageCodec } from "../src/index.ts";
import { decodeError } from "../src/error.ts";
import { RetryInfoSchema } from "../src/generated/retry_info_pb.ts";
import { StatusSchema } from "../src/generated/status_pb.ts";
import { Numbers as NumbersDescriptor } from "./generated/suite_pb.ts";
import { closing, insecure, rejection, serving } from "./serving.ts";

const Numbers = grpcService(NumbersDescriptor, {
  square: { errors: { not_found: z.object({ id: z.number() }) } },
});
const nowhere = (): never => {
  throw new Error("not called");
};

/** What the caller of an endpoint that fails so sees. */
async function across(error: unknown): Promise<any> {
  const square = () => Promise.reject(error);
  const { client } = await serving(Numbers, { square, count: nowhere, total: nowhere, squares: nowhere });
  return rejection(client.square({ value: 1 }, background));
}

it("has the number of each code as grpc-js has", () => {
  for (const [code, { grpc }] of Object.entries(codes)) {
    expect(Status[code === "canceled" ? "CANCELLED" : (code.toUpperCase() as keyof typeof Status)]).toBe(grpc);
  }
});

it("says details as google.protobuf.Struct and a retry hint as google.rpc.RetryInfo, to whom speaks no @kit", async () => {
  const details = { reason: "full", seats: [1, null, { free: false }] };
  const square = () => Promise.reject(new KitError("resource_exhausted", "later", { details, retryAfterMs: 1_500 }));
  const { address } = await serving(Numbers, { square, count: nowhere, total: nowhere, squares: nowhere });
  const client = closing(new Client(address, insecure));
  const asItIs = (bytes: Buffer): Buffer => bytes;
  const error = await rejection(
    new Promise((resolve, reject) => {
      client.makeUnaryRequest("/kit.test.Numbers/Square", asItIs, asItIs, Buffer.alloc(0), (failure, reply) =>
        failure === null ? resolve(reply) : reject(failure),
      );
    }),
  );
  expect(error).toMatchObject({ code: Status.RESOURCE_EXHAUSTED, details: "later" });
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const said = messageCodec(StatusSchema).decode(bytes);
  expect(said).toMatchObject({ code: 8, message: "later" });
  expect(said.details.map(({ typeUrl }) => typeUrl)).toEqual([
    "type.googleapis.com/google.protobuf.Struct",
    "type.googleapis.com/google.rpc.RetryInfo",
  ]);
  expect(anyUnpack(said.details[1]!, RetryInfoSchema)!.retryDelay).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
});

it("carries any details that JSON can say", () => {
  const anything = fc
    .jsonValue({ maxDepth: 4 })
    .filter((json) => JSON.stringify(json).length < 1_000 && !JSON.stringify(json).includes("__proto__"));
  fc.assert(
    fc.property(anything, (details) => {
      const text = JSON.parse(JSON.stringify(details)) as unknown;
      expect(throughStatus({ details })).toEqual({ details: text });
    }),
    { numRuns: 300 },
  );
});

it("hands over details that other peers sent, and sends on such as it is given", async () => {
  const any = anyPack(TimestampSchema, create(TimestampSchema, { seconds: 5n }));
  const error = await across(new KitError("internal", "when", { details: [any], retryAfterMs: 0 }));
  expect(error.retryAfterMs).toBe(0);
  const [sent] = error.details as Any[];
  expect(anyUnpack(sent!, TimestampSchema)).toMatchObject({ seconds: 5n });
});

it("leaves out details that are too long for metadata, and those that nothing can say; the rest arrives", async () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  let deep: unknown = 1;
  for (let n = 0; n < 10_000; n++) deep = [deep];
  for (const details of ["x".repeat(7_000), "x".repeat(1_000_000), cycle, 1n, deep, () => {}]) {
    const error = await across(new KitError("aborted", "so it is", { details, retryAfterMs: 10 }));
    expect(error).toMatchObject({ code: "aborted", message: "so it is", retryAfterMs: 10 });
    expect(error).not.toHaveProperty("details");
  }
});

it("gives the caller the errors that the method declares, typed", async () => {
  const error = await across(new KitError("not_found", "no such number", { details: { id: 7 } }));
  const failure = declaredError(Numbers.methods.square, error);
  expect(failure?.code === "not_found" && failure.details.id).toBe(7);
  const wrong = await across(new KitError("not_found", "no such number", { details: { id: "seven" } }));
  expect(declaredError(Numbers.methods.square, wrong)).toBeUndefined();
});

it("cuts a message that is too long for metadata", async () => {
  for (const message of ["x".repeat(1_000_000), "日".repeat(4_000)]) {
    const error = await across(new KitError("aborted", message, { details: { small: true } }));
    expect(error).toMatchObject({ code: "aborted", details: { small: true } });
    expect(error.message).toHaveLength(455);
  }
});

it("carries a message that UTF-16 cannot really say", async () => {
  expect(await across(new KitError("aborted", "half a \ud83d smile"))).toMatchObject({
    message: "half a \ufffd smile",
  });
});

const statuses = Object.values(Status).filter((code) => typeof code === "number");

it("takes no harm from whatever stands where details should be", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...statuses), (bytes, code) => {
      const metadata = new Metadata();
      metadata.set("grpc-status-details-bin", Buffer.from(bytes));
      const error = decodeError({ code, details: "text", metadata }, false);
      expect(error.message).toBe("text");
      expect(Object.keys(codes)).toContain(error.code);
    }),
    { numRuns: 500 },
  );
  const negative = anyPack(
    RetryInfoSchema,
    create(RetryInfoSchema, { retryDelay: create(DurationSchema, { seconds: -1n }) }),
  );
  expect(ofStatus([negative])).not.toHaveProperty("retryAfterMs");
  const evil = messageCodec(ValueSchema).encode({
    kind: {
      case: "structValue",
      value: { fields: JSON.parse('{"__proto__":{"kind":{"case":"boolValue","value":true}}}') },
    },
  });
  const polluted = ofStatus([
    { $typeName: "google.protobuf.Any", typeUrl: "type.googleapis.com/google.protobuf.Value", value: evil },
  ]);
  expect(Object.getPrototypeOf(polluted.details ?? {})).toBe(Object.prototype);
});

function ofStatus(details: Any[]): KitError {
  const metadata = new Metadata();
  const bytes = toBinary(StatusSchema, create(StatusSchema, { code: 3, message: "m", details }));
  metadata.set("grpc-status-details-bin", Buffer.from(bytes));
  return decodeError({ code: Status.INVALID_ARGUMENT, details: "m", metadata }, false);
}

/** What arrives of an error's other parts. */
function throughStatus(options: KitErrorOptions): KitErrorOptions {
  const reply: GrpcReply = { headers: {}, trailers: {}, body: undefined, status: undefined };
  encodeError(new KitError("aborted", "m", options), reply);
  const metadata = new Metadata();
  const details = reply.trailers["grpc-status-details-bin"];
  if (details !== undefined) metadata.set("grpc-status-details-bin", Buffer.from(details as string, "base64"));
  return Object.fromEntries(
    Object.entries(decodeError({ code: Status.ABORTED, details: "m", metadata }, false)).filter(
      ([key]) => key !== "code",
    ),
  );
}
