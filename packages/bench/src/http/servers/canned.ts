import { createServer, type Server } from "node:http";
import { response } from "../sum.ts";

const body = JSON.stringify(response);
const headers = ["content-type", "application/json; charset=utf-8", "content-length", String(body.length)];

/** The least that a server of Node's can do, so that clients, not it, are what is measured. */
export function makeServer(): Server {
  return createServer((message, reply) => {
    message.resume();
    reply.writeHead(200, headers).end(body);
  });
}
