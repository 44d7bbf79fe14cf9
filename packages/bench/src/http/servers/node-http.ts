import { createServer, type Server, type ServerResponse } from "node:http";
import { path, type SumRequest } from "../sum.ts";

/** What people write who use nothing. */
export function makeServer(): Server {
  return createServer((request, response) => {
    if (request.method !== "POST" || request.url !== path) {
      send(response, 404, { message: "not found" });
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      let body: SumRequest;
      try {
        body = JSON.parse(Buffer.concat(chunks).toString()) as SumRequest;
      } catch {
        send(response, 400, { message: "not JSON" });
        return;
      }
      send(response, 200, { v: body.a + body.b });
    });
  });
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
