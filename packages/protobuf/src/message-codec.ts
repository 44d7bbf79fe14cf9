import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";

/** A message's bytes, whatever generated it: what a peer gives to a message and what it sees of one. */
export interface MessageCodec<Given = any, Seen = any> {
  readonly encode: (value: Given) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Seen;
}

/** The codec of a message that protobuf-es generated. An initialiser is enough: `{ a: 1n }`. */
export function messageCodec<Desc extends DescMessage>(
  schema: Desc,
): MessageCodec<MessageInitShape<Desc>, MessageShape<Desc>> {
  return {
    encode: (value) => toBinary(schema, create(schema, value)),
    decode: (bytes) => fromBinary(schema, bytes),
  };
}
