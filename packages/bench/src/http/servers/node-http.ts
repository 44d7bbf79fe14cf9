import { createServer, type Server, type ServerResponse } from "node:http";
import { path, type SumRequest } from "../sum.ts";

const maxBytes = 1_048_576;

/** What people write who use nothing: a bound on the body, a look at its fields, an answer to what is wrong. No time limits, no hooks, no contexts. */
export function makeServer(): Server {
  return createServer((request, response) => {
    if (request.method !== "POST" || request.url !== path) {
      send(response, 404, { message: "not found" });
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("error", () => response.destroy());
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) request.destroy();
      else chunks.push(chunk);
    });
    request.on("end", () => {
      let body: unknown;
      try {
        body = JSON.parse(Buffer.concat(chunks).toString());
      } catch {
        send(response, 400, { message: "not JSON" });
        return;
      }
      if (isSum(body)) send(response, 200, { v: body.a + body.b });
      else send(response, 400, { message: "a and b must be integers" });
    });
  });
}

function isSum(body: unknown): body is SumRequest {
  const { a, b } = (body ?? {}) as Partial<SumRequest>;
  return Number.isInteger(a) && Number.isInteger(b);
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
