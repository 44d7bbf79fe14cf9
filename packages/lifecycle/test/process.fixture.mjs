// A server as a user would write it, to be sent signals. GET /slow is answered when the drain begins, GET /stuck never.
import { createServer } from "node:http";

import { background } from "@kit/endpoint";
import { health, runGroup } from "@kit/lifecycle";

const print = (line) => process.stdout.write(`${line}\n`);

const probes = health();
let drain;
const draining = new Promise((resolve) => (drain = resolve));
const server = createServer((request, response) => void answer(request, response));

async function answer(request, response) {
  if (request.url === "/ready") {
    const status = await probes.readiness({}, background).then(
      () => 200,
      () => 503,
    );
    response.writeHead(status).end();
    return;
  }
  print(`got ${request.url}`);
  if (request.url === "/stuck") return;
  await draining;
  response.writeHead(200, { connection: "close" }).end("done");
}

const end = await runGroup([
  { name: "database", phase: "close", stop: () => print("close") },
  {
    name: "http",
    start: () => new Promise((resolve) => server.listen(0, "127.0.0.1", resolve)),
    stop() {
      drain();
      setTimeout(() => print("still stopping"), 600);
      return server[Symbol.asyncDispose]();
    },
  },
  {
    name: "told",
    phase: "deregister",
    start: () => print(`port ${server.address().port}`),
    stop: () => print("deregister"),
  },
  probes,
]);
print(end.message);
process.exit(end.exitCode);
