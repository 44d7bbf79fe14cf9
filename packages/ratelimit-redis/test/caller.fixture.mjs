// Takes tokens of one bucket as fast as it can, until it is told to stop or has asked often enough; prints how many it got.
// Usage: node caller.fixture.mjs <url> <key> <ratePerSecond> <burst> <calls> <forMs>
import { redisTokenBuckets } from "@kit/ratelimit-redis";
import { Redis } from "ioredis";

const [url, key, ratePerSecond, burst, calls, forMs] = process.argv
  .slice(2)
  .map((text, n) => (n < 2 ? text : Number(text)));
const client = new Redis(url);
const bucket = redisTokenBuckets({ client, ratePerSecond, burst, whenAway: "refuse", timeoutMs: 20_000 })(key);
await client.ping();
process.send("ready");
await new Promise((resolve) => process.once("message", resolve));

let granted = 0;
let asked = 0;
const until = performance.now() + forMs;
async function ask() {
  while (asked < calls && performance.now() < until) {
    asked += 1;
    if (await bucket.allow()) granted += 1;
    // A refusal may come at once, without Redis.
    else await new Promise(setImmediate);
  }
}
await Promise.all(Array.from({ length: 16 }, ask));
process.send({ granted, asked });
client.disconnect();
process.disconnect();
