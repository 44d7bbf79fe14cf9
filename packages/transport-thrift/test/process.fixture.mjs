// Serves addsvc; calls it too, closes both ends, and has then nothing left to live for.
// Usage: node process.fixture.mjs <serve|call|left>
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { background } from "@kit/endpoint";
import { connectThrift, drainThrift, serveThrift, thriftService } from "@kit/transport-thrift";

const AddModule = createRequire(import.meta.url)("./gen/AddService.js");
const Add = thriftService("addsvc", AddModule, { Sum: { args: ["a", "b"] }, Concat: { args: ["a", "b"] } });
const add = async ({ a, b }) => (b === "never" ? new Promise(() => {}) : { value: a + b, err: "" });

const mode = process.argv[2];
const server = createServer(serveThrift(Add, { Sum: add, Concat: add })).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
if (mode === "serve") {
  process.send(port);
} else {
  const client = connectThrift(Add, { address: `127.0.0.1:${port}` });
  // Contexts that nobody ends: what is left of them must not keep the process.
  const answers = [1, 2, 3].map((a) => client.Sum({ a, b: 0 }, background.withTimeout(3_600_000)));
  const gone = background.withTimeout(3_600_000);
  const cancelled = client.Concat({ a: "", b: "never" }, gone).catch((error) => error.code);
  const values = (await Promise.all(answers)).map(({ value }) => value);
  gone.cancel();
  console.log(JSON.stringify([...values, await cancelled]));
  if (mode !== "left") {
    await client[Symbol.asyncDispose]();
    await drainThrift(server);
  }
}
