import { fromBinary, fromJson, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import type { MessageCodec } from "@kit/protobuf";

/** Any JSON object, as protobuf's own message for that. */
export const struct: MessageCodec = {
  encode: (value: object) =>
    toBinary(StructSchema, fromJson(StructSchema, JSON.parse(JSON.stringify(value)) as JsonObject)),
  decode: (bytes) => toJson(StructSchema, fromBinary(StructSchema, bytes)),
};
