import type { Context } from "@kit/endpoint";
import type { ClientRequest } from "./client-message.ts";
import type { HttpReply } from "./reply.ts";

/** An `after` function that sets a header of each reply. @see go-kit SetResponseHeader */
export function setResponseHeader(name: string, value: string): (ctx: Context, reply: HttpReply) => void {
  const lower = name.toLowerCase();
  return (_ctx, reply) => {
    reply.headers[lower] = value;
  };
}

/** A `before` function that sets a header of each request. @see go-kit SetRequestHeader */
export function setRequestHeader(name: string, value: string): (ctx: Context, request: ClientRequest) => void {
  const lower = name.toLowerCase();
  return (_ctx, request) => {
    request.headers[lower] = value;
  };
}
