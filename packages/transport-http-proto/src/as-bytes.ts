import type { MessageCodec } from "@kit/protobuf";

/** Bytes to the last step: what they mean, and whether they may, the service's own codecs say. */
export const asBytes: MessageCodec = { encode: (value) => value, decode: (value) => value };
