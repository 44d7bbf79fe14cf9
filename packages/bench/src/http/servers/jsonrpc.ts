import { createServer, type Server, type ServerResponse } from "node:http";
import type { SumRequest } from "../sum.ts";

const maxBytes = 1_048_576;

interface Call {
  readonly jsonrpc: unknown;
  readonly method: unknown;
  readonly params: SumRequest;
  readonly id: unknown;
}

/** What people write who use nothing: one call a request, a bound on its length, a look at its fields, the specification's errors. No batches, no hooks, no contexts. */
export function makeServer(): Server {
  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("error", () => response.destroy());
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) request.destroy();
      else chunks.push(chunk);
    });
    request.on("end", () => {
      let call: Call;
      try {
        call = JSON.parse(Buffer.concat(chunks).toString());
      } catch {
        send(response, { jsonrpc: "2.0", error: { code: -32700, message: "not JSON" }, id: null });
        return;
      }
      const { jsonrpc, method, params, id } = call;
      if (jsonrpc !== "2.0") {
        send(response, { jsonrpc: "2.0", error: { code: -32600, message: "not a call" }, id: null });
      } else if (method === "sum") send(response, { jsonrpc: "2.0", result: { v: params.a + params.b }, id });
      else send(response, { jsonrpc: "2.0", error: { code: -32601, message: "no such method" }, id });
    });
  });
}

function send(response: ServerResponse, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(200, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
