// Makes calls as a server and its clients do, all under one context that lives on, and prints by how many bytes the heap grew.
// Usage: node --expose-gc heap.fixture.mjs <calls> [leak]
import { background, chain, contextKey, extract, inject, refusal, text } from "@kit/endpoint";

const [calls, leak] = [Number(process.argv[2]), process.argv[3] === "leak"];
contextKey("tenant", { carry: text }); // What `inject` finds in each call.
const user = contextKey("@test/user");
const open = refusal("unavailable", "open");

const bounded = (next) => (request, ctx) => {
  const child = ctx.withTimeout(60_000);
  const stop = child.onCancel(() => {});
  return next(request, child).finally(() => {
    if (leak) return;
    stop();
    child.cancel();
  });
};
const refused = (next) => (request, ctx) => (request % 4 === 0 ? Promise.reject(open) : next(request, ctx));
const endpoint = chain(
  bounded,
  refused,
)(async (request, ctx) => {
  let sent = 0;
  inject(ctx, () => (sent += 1));
  if (request % 16 === 1) ctx.onCancel(() => {}); // Left behind, as careless code does: the end of its context takes it away.
  if (request % 64 === 1 && ctx.signal.aborted) throw open;
  return ctx.get(user) + sent;
});

const server = background.withCancel();
const carrier = () => "acme";

async function run(count) {
  for (let request = 0; request < count; request += 1) {
    // Never listened to, never disposed: nothing holds it.
    const ctx = extract(server.withTimeout(1000), carrier).with(user, request);
    await endpoint(request, ctx).catch(() => {});
  }
}

async function heapBytes() {
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  return process.memoryUsage().heapUsed;
}

await run(Math.ceil(calls / 20));
const before = await heapBytes();
await run(calls);
process.stdout.write(String((await heapBytes()) - before));
process.exit(0);
