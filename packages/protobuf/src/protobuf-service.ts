import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromJson,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { type Code, KitError } from "@kit/endpoint";
import { decoder, type Method, type MethodSpec, type Service, type Shape } from "@kit/service";
import { type MessageCodec, messageCodec } from "./message-codec.ts";

/** A schema that is only for the compiler: what a value is before and after its way. */
type Typed<Input, Output> = MethodSpec["request"] & {
  readonly "~standard": { readonly types?: { readonly input: Input; readonly output: Output } | undefined };
};

/** One method as the IDL has it. */
export interface ProtobufMethod<Spec extends MethodSpec = MethodSpec> extends Method<Spec> {
  /** `/<package>.<Service>/<Method>` */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestCodec: MessageCodec;
  readonly responseCodec: MessageCodec;
  /** Checks a request that has been decoded. */
  readonly check: ((message: unknown) => unknown) | undefined;
}

/** A contract that came from an IDL. To implement it, wrap it and balance it, it is a service as any other. */
export interface ProtobufService<Specs extends Record<string, MethodSpec> = any> extends Service<Specs> {
  readonly methods: { readonly [K in keyof Specs]: ProtobufMethod<Specs[K]> };
}

/** What the IDL has no word for. */
export interface ProtobufMethodOptions {
  /** Checks each request where it enters a server, after it was decoded: a Standard Schema of the message. @default what protobuf itself checks */
  readonly request?: MethodSpec["request"];
  /** The failures a caller should expect, by code, each with the schema of its `details`. */
  readonly errors?: NonNullable<MethodSpec["errors"]>;
  /** Running it twice does no more than running it once. @default what the IDL's `idempotency_level` says */
  readonly idempotent?: boolean;
  /** The longest that a call may take, in ms, on both sides; of a stream, the whole of it. @default none, the caller decides */
  readonly timeoutMs?: number;
}

/** What protobuf-es generates for a service. */
export interface ProtobufDescriptor {
  readonly typeName: string;
  readonly methods: DescService["methods"];
  readonly method: Record<string, Pick<DescMethod, "input" | "output" | "methodKind">>;
}

type Streamed<Kind, Streaming, T> = Kind extends Streaming ? AsyncIterable<T> : T;
type Requests<M extends { methodKind: unknown }, T> = Streamed<
  M["methodKind"],
  "client_streaming" | "bidi_streaming",
  T
>;
type Responses<M extends { methodKind: unknown }, T> = Streamed<
  M["methodKind"],
  "server_streaming" | "bidi_streaming",
  T
>;

type ErrorsOf<Options> = Options extends { readonly errors: infer E extends NonNullable<MethodSpec["errors"]> }
  ? { readonly errors: E }
  : unknown;

/** The specs that a generated service amounts to. */
type SpecsOfDescribed<D extends ProtobufDescriptor, Options> = {
  readonly [K in keyof D["method"]]: {
    readonly request: Typed<
      Requests<D["method"][K], MessageInitShape<D["method"][K]["input"]>>,
      Requests<D["method"][K], MessageShape<D["method"][K]["input"]>>
    >;
    readonly response: Typed<
      Responses<D["method"][K], MessageInitShape<D["method"][K]["output"]>>,
      Responses<D["method"][K], MessageShape<D["method"][K]["output"]>>
    >;
  } & (K extends keyof Options ? ErrorsOf<Options[K]> : unknown);
};

/** One method, by codecs. */
export interface ProtobufMethodSpec extends ProtobufMethodOptions {
  /** `/<package>.<Service>/<Method>`, as the IDL has it. */
  readonly path: string;
  readonly requestCodec: MessageCodec;
  readonly responseCodec: MessageCodec;
  /** @default false */
  readonly requestStream?: boolean;
  /** @default false */
  readonly responseStream?: boolean;
}

type Given<C> = C extends MessageCodec<infer T, any> ? T : never;
type Seen<C> = C extends MessageCodec<any, infer T> ? T : never;

/** The specs that codecs amount to. */
type SpecsOfCodecs<Methods extends Record<string, ProtobufMethodSpec>> = {
  readonly [K in keyof Methods]: {
    readonly request: Typed<
      Streamed<Methods[K]["requestStream"], true, Given<Methods[K]["requestCodec"]>>,
      Streamed<Methods[K]["requestStream"], true, Seen<Methods[K]["requestCodec"]>>
    >;
    readonly response: Typed<
      Streamed<Methods[K]["responseStream"], true, Given<Methods[K]["responseCodec"]>>,
      Streamed<Methods[K]["responseStream"], true, Seen<Methods[K]["responseCodec"]>>
    >;
  } & ErrorsOf<Methods[K]>;
};

/**
 * A service out of its IDL: of what protobuf-es generated, or, for any other generator, of paths and codecs. A client gives initialisers and sees messages, and
 * so does a handler from its side; a stream is an `AsyncIterable` of them. On transports that speak JSON it crosses as protobuf's JSON, where its methods are unary.
 *
 * @param options - by method, what the IDL has no word for.
 * @throws {TypeError} for a path, a codec or an option that cannot be.
 * @example
 * const Add = protobufService(AddService, { sum: { timeoutMs: 500 } });
 */
export function protobufService<
  D extends ProtobufDescriptor,
  const Options extends { readonly [K in keyof D["method"]]?: ProtobufMethodOptions } = {},
>(descriptor: D, options?: Options): ProtobufService<SpecsOfDescribed<D, Options>>;
export function protobufService<const Methods extends Record<string, ProtobufMethodSpec>>(service: {
  readonly name: string;
  readonly methods: Methods;
}): ProtobufService<SpecsOfCodecs<Methods>>;
export function protobufService(
  source: ProtobufDescriptor | { readonly name: string; readonly methods: Record<string, ProtobufMethodSpec> },
  options: Record<string, ProtobufMethodOptions | undefined> = {},
): ProtobufService {
  const methods =
    "typeName" in source
      ? fromDescriptor(source, options)
      : Object.entries(source.methods).map(([name, spec]) => fromCodecs(source.name, name, spec));
  return {
    name: "typeName" in source ? source.typeName : source.name,
    methods: Object.fromEntries(methods.map((method) => [method.name, method])),
  };
}

function fromDescriptor(
  { typeName, methods }: ProtobufDescriptor,
  options: Record<string, ProtobufMethodOptions | undefined>,
): ProtobufMethod[] {
  const names = new Set(methods.map(({ localName }) => localName));
  const stranger = Object.keys(options).find((name) => !names.has(name));
  if (stranger !== undefined) throw new TypeError(`protobufService: ${typeName} has no method ${stranger}`);
  return methods.map(({ name, localName, methodKind, input, output, idempotency }) => ({
    ...described(typeName, localName, {
      idempotent: idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
      ...options[localName],
    }),
    path: `/${typeName}/${name}`,
    requestStream: methodKind === "client_streaming" || methodKind === "bidi_streaming",
    responseStream: methodKind === "server_streaming" || methodKind === "bidi_streaming",
    requestCodec: messageCodec(input),
    responseCodec: messageCodec(output),
    ...(methodKind === "unary" && {
      request: jsonShape(input, "invalid_argument", `${typeName}.${localName}: invalid request`),
      response: jsonShape(output, "internal", `${typeName}.${localName}: invalid response`),
    }),
  }));
}

function fromCodecs(service: string, name: string, spec: ProtobufMethodSpec): ProtobufMethod {
  const { path, requestCodec, responseCodec, requestStream = false, responseStream = false, ...options } = spec;
  if (typeof path !== "string" || !/^\/[\w.]+\/\w+$/.test(path))
    throw new TypeError(`protobufService: path of ${service}.${name} must be like "/pb.Add/Sum", got "${path}"`);
  for (const codec of [requestCodec, responseCodec]) {
    if (typeof codec?.encode !== "function" || typeof codec.decode !== "function")
      throw new TypeError(`protobufService: ${service}.${name} needs a requestCodec and a responseCodec`);
  }
  const unary = !requestStream && !responseStream;
  const codecs = { path, requestCodec, responseCodec, requestStream, responseStream };
  return { ...described(service, name, options), ...codecs, ...(unary && { request: asItIs, response: asItIs }) };
}

function described(service: string, name: string, options: ProtobufMethodOptions) {
  const { request, errors = {}, idempotent = false, timeoutMs, ...rest } = options;
  const [stranger] = Object.keys(rest);
  if (stranger !== undefined) throw new TypeError(`protobufService: ${service}.${name} cannot have ${stranger}`);
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0))
    throw new TypeError(`protobufService: timeoutMs of ${service}.${name} must be positive, got ${timeoutMs}`);
  const check = request && decoder(request, "invalid_argument", `${service}.${name}: invalid request`);
  const details = Object.entries(errors).map(([code, schema]) => [
    code,
    decoder(schema, "internal", `${service}.${name}: invalid details of ${code}`),
  ]);
  return {
    service,
    name,
    http: undefined,
    idempotent,
    timeoutMs,
    check,
    errors: Object.fromEntries(details),
    request: noStreams,
    response: noStreams,
  };
}

/** What crosses JSON's wires. */
function jsonShape(schema: DescMessage, code: Code, failure: string): Shape {
  return {
    encode: (value) => toJson(schema, create(schema, value as MessageInitShape<DescMessage>)),
    decode: (wire) => {
      try {
        return fromJson(schema, wire as JsonValue, { ignoreUnknownFields: true });
      } catch (cause) {
        throw new KitError(code, failure, { cause });
      }
    },
  };
}

const asItIs: Shape = { decode: (wire) => wire };

const noStreams: Shape = {
  decode: () => {
    throw new KitError("unimplemented", "a stream crosses wires of messages only, such as gRPC");
  },
};
