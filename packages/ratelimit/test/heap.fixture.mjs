// Calls with that many distinct keys, twice each, and prints by how many bytes the heap grew.
// Usage: node --expose-gc heap.fixture.mjs <keys> <maxKeys>
import { background } from "@kit/endpoint";
import { keyedLimiter, tokenBucket } from "@kit/ratelimit";

const [keys, maxKeys] = [Number(process.argv[2]), Number(process.argv[3])];

const limited = keyedLimiter({
  key: (request) => request.headers.slice(0, 16),
  limit: () => tokenBucket({ ratePerSecond: 1 / 3_600, burst: 2 }),
  maxKeys,
})(async () => {});

async function heapBytes() {
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const rest = "x".repeat(1_000);
const before = await heapBytes();
for (let n = 0; n < keys; n += 1) {
  const request = { headers: Buffer.from(`tenant-${String(n).padStart(9, "0")}${rest}`).toString() };
  await limited(request, background).catch(() => {});
  await limited(request, background).catch(() => {});
}
process.stdout.write(String((await heapBytes()) - before));
// Kept in use until here.
await limited({ headers: "the last" }, background).catch(() => {});
