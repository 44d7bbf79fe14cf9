import { toWire } from "@kit/endpoint";
import { encodeError, type ErrorEncoder } from "@kit/transport-http";
import { tellTraceId } from "./trace-header.ts";

/** go-kit's addsvc replies `{"error":"…"}`; its clients find that here, and ours the code beside it. */
export const encodeGatewayError: ErrorEncoder = (error, reply, ctx) => {
  encodeError(error, reply);
  if (ctx !== undefined) tellTraceId(ctx, reply);
  const { code, message, ...rest } = toWire(error);
  reply.body = `${JSON.stringify({ error: message, code, message, ...rest })}\n`;
};
