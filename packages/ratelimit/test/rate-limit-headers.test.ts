import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { background, type Endpoint } from "@kit/endpoint";
import { httpHandler } from "@kit/transport-http";
import { expect, it } from "vitest";
import { delayingLimiter, erroringLimiter, keyedLimiter, rateLimitHeaders, tokenBucket } from "../src/index.ts";

const slow = (burst: number): ReturnType<typeof tokenBucket> => tokenBucket({ ratePerSecond: 1 / 60, burst });
const done: Endpoint = async () => ({ done: true });

/** What a server with these hooks writes on its reply to one call. */
async function told(hooks: ReturnType<typeof rateLimitHeaders>, endpoint: Endpoint): Promise<object> {
  const ctx = hooks.before(background);
  const reply = { headers: {} };
  await endpoint({}, ctx);
  hooks.after(ctx, reply);
  return reply.headers;
}

it("are on an HTTP reply, be it a success or a refusal", async () => {
  const limiter = keyedLimiter<{ user: string }>({ key: ({ user }) => user, limit: () => slow(2) });
  const { before, after } = rateLimitHeaders(limiter);
  const endpoint = limiter(async ({ user }) => ({ hello: user }));
  const server = createServer(
    httpHandler(endpoint, {
      decode: ({ url }) => ({ user: url.slice(1) }),
      before: [before],
      after: [after],
    }),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const answers = [];
    for (const user of ["ada", "grace", "ada", "ada"]) {
      const { status, headers } = await fetch(`http://127.0.0.1:${port}/${user}`);
      const of = (name: string): string | null => headers.get(name);
      answers.push([
        status,
        of("ratelimit-limit"),
        of("ratelimit-remaining"),
        of("ratelimit-reset"),
        of("retry-after"),
      ]);
    }
    expect(answers).toEqual([
      [200, "2", "1", "60", null],
      [200, "2", "1", "60", null],
      [200, "2", "0", "120", null],
      [429, "2", "0", "120", "60"],
    ]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

it("tell of the limit with the fewest calls left", async () => {
  const [wide, narrow] = [erroringLimiter(slow(10)), delayingLimiter(slow(3))];
  const hooks = rateLimitHeaders(wide, narrow);
  expect(await told(hooks, wide(narrow(done)))).toMatchObject({ "ratelimit-limit": "3", "ratelimit-remaining": "2" });
  expect(await told(hooks, narrow(wide(done)))).toMatchObject({ "ratelimit-limit": "3", "ratelimit-remaining": "1" });
});

it("tell of nothing but what they were given: not of a client's limiter below", async () => {
  const [own, client] = [erroringLimiter(slow(10)), erroringLimiter(slow(3))];
  expect(await told(rateLimitHeaders(own), own(client(done)))).toMatchObject({ "ratelimit-limit": "10" });
  expect(await told(rateLimitHeaders(own), client(done))).toEqual({});
});

it("are left out where nobody knows what is left", async () => {
  const limiter = erroringLimiter(() => true);
  expect(await told(rateLimitHeaders(limiter), limiter(done))).toEqual({});
});
