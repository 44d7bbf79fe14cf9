import type { Context, Endpoint } from "@kit/endpoint";
import { type ClientHooks, type ClientSteps, clientSteps } from "@kit/transport";
import { ClientRequest, type ClientResponse } from "./client-message.ts";
import { type ThriftConnection, thriftConnection, type ThriftConnectionOptions } from "./connection.ts";
import type { ThriftMethod } from "./service.ts";

/** Options of every Thrift client: a connection of its own, or one that it shares. */
export type ThriftClientCommon = ClientHooks<ClientRequest, ClientResponse> &
  (
    | (ThriftConnectionOptions & { readonly connection?: undefined })
    | {
        /** Yours to share and to close. @default one of the client's own, to `address`, closed with it */
        readonly connection: ThriftConnection;
      }
  );

/** One endpoint over Thrift, each step in your hands. */
export type ThriftClientOptions<Request = any, Response = any> = ThriftClientCommon & {
  /** Such as `Add.methods.Sum`. */
  readonly method: ThriftMethod;
  /** Sets `message.args`, by name. @default to the request */
  readonly encode?: (request: Request, message: ClientRequest, ctx: Context) => void | Promise<void>;
  /** Sees every response, also one with an error. @default its value, or throws its error */
  readonly decode?: (response: ClientResponse, ctx: Context) => Response | Promise<Response>;
};

/** An endpoint that lets go of its connection when it is disposed. */
export type ThriftClient<Request = any, Response = any> = Endpoint<Request, Response> & AsyncDisposable;

/**
 * An endpoint elsewhere. With the framing `header` the deadline and the carried values of the context go along; a call whose context ends is given up here, and goes
 * on there: Thrift cannot cancel one of many calls on a connection.
 *
 * @throws {TypeError} for an address that is none, or a limit that is not a positive number.
 * @see go-kit/examples addsvc/pkg/addtransport/thrift.go
 */
export function thriftClient<Request = any, Response = any>(
  options: ThriftClientOptions<Request, Response>,
): ThriftClient<Request, Response> {
  const { method, encode = setArgs, decode = valueOf } = options;
  const { connection, close } = connectionOf(options);
  const call = caller(connection, options);
  const endpoint = call(method, encode, decode);
  return Object.assign(endpoint as Endpoint<Request, Response>, { [Symbol.asyncDispose]: close });
}

export function setArgs(request: Readonly<Record<string, unknown>>, message: ClientRequest): void {
  message.args = request;
}

export function valueOf({ value, error }: ClientResponse): any {
  if (error !== undefined) throw error;
  return value;
}

/** The connection of a client, and how the client lets go of it. */
export function connectionOf(options: ThriftClientCommon): {
  readonly connection: ThriftConnection;
  readonly close: () => Promise<void>;
} {
  if (options.connection !== undefined) return { connection: options.connection, close: async () => {} };
  const connection = thriftConnection(options);
  return { connection, close: () => connection.close() };
}

type Call = (
  method: ThriftMethod,
  encode: (request: any, message: ClientRequest, ctx: Context) => void | Promise<void>,
  decode: (response: ClientResponse, ctx: Context) => unknown,
) => Endpoint;

/** The steps that all methods of one client share. */
export function caller(connection: ThriftConnection, hooks: ClientHooks<ClientRequest, ClientResponse>): Call {
  return (method, encode, decode) => {
    if (method?.codec === undefined) throw new TypeError("method must be one of a thriftService");
    const { codec, name } = method;
    const call: ClientSteps<ClientRequest, ClientResponse> = clientSteps(hooks, (message, ctx) =>
      connection.call(codec, message, ctx),
    );
    const operation = { newMessage: () => new ClientRequest(name), encode, decode };
    return (request, ctx) => call(operation, request, ctx);
  };
}
