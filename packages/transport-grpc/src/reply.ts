import { Metadata } from "@grpc/grpc-js";
import type { HeaderReader } from "@kit/transport";
import { headerOf } from "./metadata.ts";

/** A reply as a client sees it. */
export class GrpcClientReply implements HeaderReader {
  /** What came before the message. */
  metadata: Metadata = new Metadata();
  /** What came behind it; of a stream, not before its end. */
  trailers: Metadata = new Metadata();
  /** The message; where the response is a stream, an `AsyncIterable` of them, to be read to its end or left with `break`. */
  body: any = undefined;

  /** Of the metadata before the message, by its lower-case name. */
  header(name: string): string | undefined {
    return headerOf(this.metadata, name);
  }

  /** Of the metadata behind it. */
  trailer(name: string): string | undefined {
    return headerOf(this.trailers, name);
  }
}
