import { type Code, codes, fromWire, isKitError, type KitError, toWire } from "@kit/endpoint";
import { decodeWireError, encodeWireError } from "@kit/transport";
import type { ProtocolInput, ProtocolOutput } from "./protocol.ts";

/** The types that Thrift knows, as far as they mean one of our codes; all others say less than the text. */
const types: Readonly<Partial<Record<Code, number>>> = { unimplemented: 1, internal: 6, invalid_argument: 7 };
const codeOfType: readonly Code[] = [
  "unknown",
  "unimplemented",
  "internal",
  "internal",
  "internal",
  "internal",
  "internal",
  "invalid_argument",
  "internal",
  "internal",
  "internal",
];

/** Where THeader has the code, and all of the error as JSON. */
const codeHeader = "error-code";
const errorHeader = "error";

/** The longest error that goes into a header; what is longer stays in the text, without its details. */
const longestError = 16_384;

const stringType = 11;
const i32Type = 8;

interface StructOutput extends ProtocolOutput {
  writeStructBegin(name: string): void;
  writeFieldBegin(name: string, type: number, id: number): void;
  writeString(text: string): void;
  writeI32(value: number): void;
  writeFieldEnd(): void;
  writeFieldStop(): void;
  writeStructEnd(): void;
}

interface StructInput extends ProtocolInput {
  readStructBegin(): void;
  readFieldBegin(): { readonly ftype: number; readonly fid: number };
  readString(): string;
  readI32(): number;
  readFieldEnd(): void;
  readStructEnd(): void;
}

/**
 * Writes an error as a TApplicationException: the type that its code means, and `not_found: nobody here` as text, which says it to any peer and gives ours the code
 * back. By hand, since the runtime's own never writes the type.
 */
export function writeApplicationException(output: ProtocolOutput, error: unknown): void {
  const { code, message } = toWire(error);
  const struct = output as StructOutput;
  struct.writeStructBegin("TApplicationException");
  struct.writeFieldBegin("message", stringType, 1);
  struct.writeString(`${code}: ${message}`);
  struct.writeFieldEnd();
  struct.writeFieldBegin("type", i32Type, 2);
  struct.writeI32(types[code] ?? 0);
  struct.writeFieldEnd();
  struct.writeFieldStop();
  struct.writeStructEnd();
}

/** Puts all of an error where headers can go. */
export function writeErrorHeaders(error: unknown, headers: Record<string, string | readonly string[]>): void {
  const { code, body } = encodeWireError(error);
  headers[codeHeader] = code;
  if (isKitError(error) && body.length <= longestError) headers[errorHeader] = body;
}

/** The error that a peer sent as a TApplicationException. */
export function readApplicationException(input: ProtocolInput, header: (name: string) => string | undefined): KitError {
  const { text, type } = readStruct(input as StructInput);
  const [, said, message] = /^([a-z_]+): ([\s\S]*)$/.exec(text) ?? [];
  const known = said !== undefined && Object.hasOwn(codes, said);
  const code = header(codeHeader);
  const body = header(errorHeader);
  if (code !== undefined && body !== undefined) return decodeWireError(code, body);
  if (known) return fromWire({ code: said, message });
  return fromWire({ code: code ?? codeOfType[type], message: text });
}

function readStruct(input: StructInput): { readonly text: string; readonly type: number } {
  let text = "";
  let type = 0;
  input.readStructBegin();
  for (;;) {
    const { ftype, fid } = input.readFieldBegin();
    if (ftype === 0) break;
    if (fid === 1 && ftype === stringType) text = input.readString();
    else if (fid === 2 && ftype === i32Type) type = input.readI32();
    else input.skip(ftype);
    input.readFieldEnd();
  }
  input.readStructEnd();
  return { text, type };
}
