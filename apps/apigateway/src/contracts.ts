import { defineService } from "@kit/service";
import { grpcService } from "@kit/transport-grpc";
import { z } from "zod";
import { Add } from "./gen/addsvc_pb.ts";

/** addsvc as the gateway offers it. A path without a verb answers every verb, as in go-kit's. */
export const PublicAdd = defineService("addsvc", {
  sum: {
    request: z.object({ a: z.int(), b: z.int() }),
    response: z.object({ v: z.int() }),
    http: "/sum",
    idempotent: true,
  },
  concat: {
    request: z.object({ a: z.string(), b: z.string() }),
    response: z.object({ v: z.string() }),
    http: "/concat",
    idempotent: true,
  },
});

/** addsvc as its instances have it: over gRPC, by the IDL in `idl`, which is go-kit's. It does not say what may be tried again. */
export const GrpcAdd = grpcService(Add, { sum: { idempotent: true }, concat: { idempotent: true } });

/** stringsvc, which is the same on both sides. */
export const Strings = defineService("stringsvc", {
  uppercase: {
    request: z.object({ s: z.string() }),
    response: z.object({ v: z.string(), err: z.string().optional() }),
    http: "/uppercase",
    idempotent: true,
  },
  count: {
    request: z.object({ s: z.string() }),
    response: z.object({ v: z.int() }),
    http: "/count",
    idempotent: true,
  },
});
