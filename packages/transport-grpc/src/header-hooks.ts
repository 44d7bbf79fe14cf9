import type { Context } from "@kit/endpoint";
import type { HeaderWriter } from "@kit/transport";
import type { GrpcReply } from "./handler.ts";

/** A `before` function that sets metadata of each request; a value of a name that ends in `-bin` is base64. @see go-kit SetRequestHeader */
export function setRequestHeader(name: string, value: string): (ctx: Context, message: HeaderWriter) => void {
  const lower = name.toLowerCase();
  return (_ctx, message) => {
    message.headers[lower] = value;
  };
}

/** An `after` function that sets metadata of each reply. @see go-kit SetResponseHeader */
export function setResponseHeader(name: string, value: string): (ctx: Context, reply: HeaderWriter) => void {
  const lower = name.toLowerCase();
  return (_ctx, reply) => {
    reply.headers[lower] = value;
  };
}

/** An `after` function that sets metadata behind each reply. @see go-kit SetResponseTrailer */
export function setResponseTrailer(name: string, value: string): (ctx: Context, reply: GrpcReply) => void {
  const lower = name.toLowerCase();
  return (_ctx, reply) => {
    reply.trailers[lower] = value;
  };
}
