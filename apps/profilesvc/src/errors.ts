import { toWire } from "@kit/endpoint";
import { encodeError, type ErrorEncoder } from "@kit/transport-http";

/** go-kit's profilesvc replies `{"error":"…"}`, with 400 for what exists already; its clients find that here, and ours the code beside it. */
export const encodeProfileError: ErrorEncoder = (error, reply) => {
  encodeError(error, reply);
  const { code, message, ...rest } = toWire(error);
  if (code === "already_exists") reply.status = 400;
  reply.body = `${JSON.stringify({ error: message, code, message, ...rest })}\n`;
};
