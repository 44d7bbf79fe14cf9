import { toWire } from "@kit/endpoint";
import { encodeError, type ErrorEncoder } from "@kit/transport-http";

/** go-kit's shipping replies `{"error":"…"}`; its clients find that here, and ours the code beside it. */
export const encodeShippingError: ErrorEncoder = (error, reply) => {
  encodeError(error, reply);
  const { code, message, ...rest } = toWire(error);
  reply.body = `${JSON.stringify({ error: message, code, message, ...rest })}\n`;
};
