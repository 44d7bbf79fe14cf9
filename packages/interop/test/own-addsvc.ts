import { KitError } from "@kit/endpoint";
import { defineService, implement } from "@kit/service";
import { grpcService, serveGrpc } from "@kit/transport-grpc";
import { serveHttp } from "@kit/transport-http";
import { serveJsonrpc } from "@kit/transport-jsonrpc";
import { serveThrift } from "@kit/transport-thrift";
import { z } from "zod";
import { Add as AddOfProtobuf } from "./gen/pb/addsvc_pb.ts";
import { type Served, servingGrpc, servingHttp, servingThrift } from "./serving.ts";
import { Add as ThriftAdd } from "./thrift-contract.ts";

/** go-kit's addsvc as JSON has it. */
export const Add = defineService("addsvc", {
  sum: { request: z.object({ a: z.int(), b: z.int() }), response: z.object({ v: z.int() }) },
  concat: { request: z.object({ a: z.string(), b: z.string() }), response: z.object({ v: z.string() }) },
});

/** The same as its protobuf has it; numbers are bigints there. */
export const GrpcAdd = grpcService(AddOfProtobuf);

const twoZeroes = "can't sum two zeroes";
const tooLong = "result exceeds maximum size";
const longest = 10;

const endpoints = implement(Add, {
  async sum({ a, b }) {
    if (a === 0 && b === 0) throw new KitError("invalid_argument", twoZeroes);
    return { v: a + b };
  },
  async concat({ a, b }) {
    if (a.length + b.length > longest) throw new KitError("invalid_argument", tooLong);
    return { v: a + b };
  },
});

// Go's clients send the names of fields as Go has them.
const caseInsensitiveKeys = ["a", "b"];

/** Serves it on one of its four transports; resolves with the address. */
export const serveAdd: Readonly<Record<"http" | "jsonrpc" | "grpc" | "thrift", () => Promise<Served>>> = {
  http: () => servingHttp(serveHttp(Add, endpoints, { caseInsensitiveKeys })),
  jsonrpc: () => servingHttp(serveJsonrpc(Add, endpoints, { caseInsensitiveKeys })),
  // In the IDLs a business error is a field of the reply.
  grpc: () =>
    servingGrpc((server) =>
      serveGrpc(
        GrpcAdd,
        {
          sum: async ({ a, b }) => (a === 0n && b === 0n ? { err: twoZeroes } : { v: a + b }),
          concat: async ({ a, b }) => (a.length + b.length > longest ? { err: tooLong } : { v: a + b }),
        },
        { server },
      ),
    ),
  thrift: () =>
    servingThrift(
      serveThrift(ThriftAdd, {
        Sum: async ({ a, b }) => (a === 0 && b === 0 ? { value: 0, err: twoZeroes } : { value: a + b, err: "" }),
        Concat: async ({ a, b }) =>
          a.length + b.length > longest ? { value: "", err: tooLong } : { value: a + b, err: "" },
      }),
    ),
};
