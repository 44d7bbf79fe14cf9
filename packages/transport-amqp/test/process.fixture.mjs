// Serves and calls in one process, closes both ends, and has then nothing left to live for.
// Usage: node process.fixture.mjs <url> <close|left>
import { background } from "@kit/endpoint";
import { amqpClient, amqpConnection, amqpHandler } from "@kit/transport-amqp";

const [url, mode] = process.argv.slice(2);
const connection = amqpConnection({ url });
const queue = `process-${process.pid}`;
const server = amqpHandler(async (n) => n, { connection, queue, queueOptions: { autoDelete: true } });
await server.ready();
const client = amqpClient({ connection, queue });

// Contexts that nobody ends: what is left of them must not keep the process.
const answers = [1, 2, 3].map((n) => client(n, background.withTimeout(3_600_000)));
const gone = background.withTimeout(3_600_000);
const cancelled = client("cancelled", gone).catch((error) => error.code);
gone.cancel();
console.log(JSON.stringify([...(await Promise.all(answers)), await cancelled]));
if (mode === "close") {
  await client[Symbol.asyncDispose]();
  await server.close();
  await connection.close();
}
