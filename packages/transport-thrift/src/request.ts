import type { CallInfo } from "@kit/endpoint";
import type { HeaderReader, HeaderWriter, OutgoingHeaders } from "@kit/transport";
import type { ThriftFraming } from "./frame.ts";

/** A call as a server sees it. */
export interface ThriftRequest extends HeaderReader {
  /** As the IDL has it. */
  readonly method: string;
  /** The arguments by name; `null` is what the caller has left out. */
  readonly args: Readonly<Record<string, unknown>>;
  /** The caller's address, where the socket knows it. */
  readonly peer: string | undefined;
  /** How the caller speaks; only with `header` are there headers, either way. */
  readonly framing: ThriftFraming;
}

/** What a server answers. */
export class ThriftReply implements HeaderWriter {
  /** They reach callers that sent some themselves, or could have. */
  readonly headers: OutgoingHeaders = {};
  /** The result, where there is no error. */
  value: unknown = undefined;
  /** An exception that the IDL declares crosses as itself, any other error as a TApplicationException. */
  error: unknown = undefined;
}

/** Which call this is; the peer is looked up when somebody asks. */
export class ThriftCallInfo implements CallInfo {
  readonly service: string;
  readonly method: string;
  readonly transport = "thrift";
  readonly #request: ThriftRequest;

  constructor(service: string, request: ThriftRequest) {
    this.service = service;
    this.method = request.method;
    this.#request = request;
  }

  get peer(): string | undefined {
    return this.#request.peer;
  }
}
