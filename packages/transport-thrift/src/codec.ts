import { KitError } from "@kit/endpoint";
import { messageType, type ProtocolInput, type ProtocolOutput } from "./protocol.ts";

/** A module that the Thrift compiler has generated for a service, `--gen js:node,es6,ts`. */
export interface ThriftModule<Client = any> {
  readonly Client: new (...args: any) => Client;
  readonly Processor: new (...args: any) => object;
}

/** Writes the reply to a call that generated code has read: a result, or an exception that the IDL declares. */
type WriteReply = (error: unknown, result?: unknown) => void;

/** A call as generated code has read it. */
export interface DecodedCall {
  /** By name; `null` is what the peer has left out. */
  readonly args: Record<string, unknown>;
  /** Missing for a oneway method. */
  readonly write: WriteReply | undefined;
}

/** A reply as generated code has read it. */
interface DecodedReply {
  readonly value: unknown;
  readonly error: Error | undefined;
}

/** Bytes and values of one method. */
export interface ThriftCodec {
  readonly name: string;
  readonly oneway: boolean;
  /** Whether an i64 is read as a bigint. */
  readonly big: boolean;
  /** @throws {KitError} `invalid_argument` when the arguments do not fit the IDL. */
  writeCall(output: ProtocolOutput, id: number, args: Readonly<Record<string, unknown>>): void;
  /** Reads what follows the head of a call. What it writes with goes to `output`. */
  readCall(input: ProtocolInput, id: number, output: ProtocolOutput): DecodedCall;
  /** Reads what follows the head of a reply: a result, or an exception that the IDL declares. It throws what is neither. */
  readReply(input: ProtocolInput): DecodedReply;
  /** @throws {KitError} `internal` when the result does not fit the IDL. */
  writeResult(write: WriteReply, result: unknown): void;
  /** Writes an exception if the IDL declares it. @returns whether it does; else what was written is to be dropped. */
  writeDeclared(write: WriteReply, output: ProtocolOutput, error: unknown): boolean;
}

type Generated = Record<string, (this: unknown, ...args: any[]) => unknown>;

/**
 * The codec of one method, by the generated code's own `send_`, `recv_` and `process_`: its classes of arguments and results are not exported. None of its state
 * is used, so calls may overlap.
 *
 * @throws {TypeError} when the module has no such method.
 */
export function codecOf(module: ThriftModule, name: string, big: boolean): ThriftCodec & { readonly args: string[] } {
  const client = module.Client?.prototype as Generated | undefined;
  const processor = module.Processor?.prototype as Generated | undefined;
  const send = client?.[`send_${name}`];
  const receive = client?.[`recv_${name}`];
  const process = processor?.[`process_${name}`];
  if (send === undefined || process === undefined)
    throw new TypeError(`thriftService: the generated module has no method ${name}`);
  const arity = send.length;

  let target: unknown;
  let targetId = 0;
  const sender = {
    pClass: function () {
      return target;
    },
    output: { flush() {} },
    seqid: () => targetId,
    _reqs: {},
  };
  const write = (output: unknown, id: number, values: unknown[]): void => {
    target = output;
    targetId = id;
    send.apply(sender, values);
  };

  let failure: Error | string | null | undefined;
  let result: unknown;
  // Inherited, so that the generated code's `delete` has nothing to do.
  const receiver = {
    _reqs: Object.create({
      0: (error: typeof failure, success: unknown) => {
        failure = error;
        result = success;
      },
    }) as object,
  };

  let taken: unknown[] = [];
  const take = (...values: unknown[]): void => {
    taken = values;
  };
  // No method has as many arguments, so the generated code takes it for a handler with a callback.
  Object.defineProperty(take, "length", { value: 65_536 });
  const server = { _handler: { [name]: take } };

  const { args, oneway } = argumentsOf(write, arity);
  const empty =
    receive !== undefined &&
    isVoid(
      () => receive.call(receiver, emptyReply, messageType.reply, 0),
      () => failure,
    );

  return {
    name,
    args,
    oneway,
    big,
    writeCall(output, id, values) {
      try {
        write(
          output,
          id,
          args.map((arg) => values[arg]),
        );
      } catch (cause) {
        throw new KitError("invalid_argument", `thrift: ${name}: the arguments do not fit the IDL`, {
          cause,
          notSent: true,
        });
      }
    },
    readCall(input, id, output) {
      process.call(server, id, input, output);
      const values: Record<string, unknown> = {};
      for (let i = 0; i < arity; i++) values[args[i]!] = taken[i];
      return { args: values, write: taken[arity] as WriteReply | undefined };
    },
    readReply(input) {
      receive!.call(receiver, input, messageType.reply, 0);
      if (typeof failure === "string") return { value: undefined, error: noResult(name) };
      if (failure !== null && failure !== undefined) return { value: undefined, error: failure };
      return { value: empty ? undefined : result, error: undefined };
    },
    writeResult(reply, value) {
      if (!empty && (value === undefined || value === null)) throw noResult(name);
      try {
        reply(null, value);
      } catch (cause) {
        throw new KitError("internal", `thrift: ${name}: the result does not fit the IDL`, { cause });
      }
    },
    writeDeclared(reply, output, error) {
      if (!(error instanceof Error)) return false;
      reply(error);
      return output.messageType === messageType.reply;
    },
  };
}

function noResult(name: string): KitError {
  return new KitError("internal", `thrift: ${name}: no result where the IDL has one`);
}

/** Names of the arguments, in order: what the generated code writes when each is there. */
function argumentsOf(
  write: (output: unknown, id: number, values: unknown[]) => void,
  arity: number,
): { readonly args: string[]; readonly oneway: boolean } {
  const args: string[] = [];
  let oneway = false;
  let depth = 0;
  const recorder: Record<string, unknown> = {
    writeMessageBegin: (_name: string, type: number) => void (oneway = type === messageType.oneway),
    writeStructBegin: () => void depth++,
    writeStructEnd: () => void depth--,
    writeFieldBegin: (field: string) => void (depth === 1 && args.push(field)),
  };
  const output = new Proxy(recorder, { get: (known, called: string) => known[called] ?? (() => {}) });
  // NaN is there, and yet as empty as nothing: of it come structs without fields and lists without elements.
  write(output, 0, Array<number>(arity).fill(NaN));
  return { args, oneway };
}

const emptyReply = {
  readStructBegin() {},
  readFieldBegin: () => ({ ftype: 0, fid: 0 }),
  readStructEnd() {},
  readMessageEnd() {},
};

/** Whether a reply with nothing in it is a good one. */
function isVoid(read: () => unknown, failure: () => unknown): boolean {
  read();
  return typeof failure() !== "string";
}
