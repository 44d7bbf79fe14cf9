// Serves and calls in one process, closes both ends, and has then nothing left to live for.
// Usage: node process.fixture.mjs <undici|fetch|left>
import { once } from "node:events";
import { createServer } from "node:http";
import { background } from "@kit/endpoint";
import { drainHttp, fetchSender, httpClient, httpHandler, undiciSender } from "@kit/transport-http";

const mode = process.argv[2];
const server = createServer(httpHandler(async (request) => request)).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}`;
const sender = mode === "fetch" ? fetchSender({ origin: url }) : undiciSender({ origin: url });
const client = httpClient({ url, sender });

// Contexts that nobody ends: what is left of them must not keep the process.
const answers = [1, 2, 3].map((n) => client(n, background.withTimeout(3_600_000)));
const gone = background.withTimeout(3_600_000);
const cancelled = client("cancelled", gone).catch((error) => error.code);
gone.cancel();
console.log(JSON.stringify([...(await Promise.all(answers)), await cancelled]));
if (mode !== "left") {
  await sender.close();
  await drainHttp(server);
}
