import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { background, codeOf, type Endpoint } from "@kit/endpoint";
import { delayingLimiter, erroringLimiter, keyedLimiter, tokenBucket } from "@kit/ratelimit";
import { redis, type Server, startServer, whenStartable } from "@kit/servers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { redisTokenBuckets } from "../src/index.ts";
import { clients, newKey, patientBuckets, redisCli } from "./workbench.ts";

const patience = { interval: 20, timeout: 30_000 };
const greet = async ({ name }: { name: string }): Promise<string> => `hello ${name}`;
const ada = { name: "Ada" };

whenStartable(redis, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(redis);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  describe.each(Object.entries(clients))("by %s", (_, connect) => {
    it("lets the burst pass and refuses the next, as go-kit's TestXRateErroring", async () => {
      await using client = await connect(server.url);
      const limited = erroringLimiter(patientBuckets(client, { burst: 1 })(newKey()))(greet);
      await expect(limited(ada, background)).resolves.toBe("hello Ada");
      await expect(limited(ada, background)).rejects.toMatchObject({
        code: "resource_exhausted",
        message: "rate limit exceeded",
        retryAfterMs: expect.toSatisfy((ms) => ms > 30_000 && ms <= 60_000),
      });
    });

    it("fails at once what would wait beyond its deadline, as go-kit's TestXRateDelaying", async () => {
      await using client = await connect(server.url);
      const limited = delayingLimiter(patientBuckets(client, { burst: 1 })(newKey()))(greet);
      const ctx = background.withTimeout(20_000);
      await expect(limited(ada, ctx)).resolves.toBe("hello Ada");
      await expect(limited(ada, ctx)).rejects.toThrow("exceed context deadline");
    });

    it("has one bucket for all who have its key and prefix, and no other", async () => {
      await using client = await connect(server.url);
      await using other = await connect(server.url);
      const key = newKey();
      const [here, there] = [patientBuckets(client), patientBuckets(other)];
      expect(await here(key).allow()).toBe(true);
      expect(await there(key).allow()).toBe(true);
      expect(await here(key).allow()).toBe(false);
      expect(await here(newKey()).allow()).toBe(true);
      expect(await patientBuckets(client, { prefix: "other" })(key).allow()).toBe(true);
      expect((await redisCli(server, "--raw", "KEYS", `*${key}`)).split("\n").toSorted()).toEqual([
        `other:${key}`,
        `ratelimit:${key}`,
      ]);
    });

    it("leaves no key behind once its bucket is full", async () => {
      await using client = await connect(server.url);
      const key = newKey();
      await patientBuckets(client)(key).allow();
      const ttl = Number(await redisCli(server, "PTTL", `ratelimit:${key}`));
      expect(ttl).toBeGreaterThan(30_000);
      expect(ttl).toBeLessThanOrEqual(60_000);
    });

    it("says what is left", async () => {
      await using client = await connect(server.url);
      const bucket = patientBuckets(client, { burst: 2, ratePerSecond: 1 / 3_600 })(newKey());
      expect(bucket.quota()).toBeUndefined();
      const left = [];
      for (let n = 0; n < 3; n += 1) {
        await bucket.allow();
        left.push([bucket.quota()!.remaining, Math.round(bucket.quota()!.resetMs / 3_600_000)]);
      }
      expect(left).toEqual([
        [1, 1],
        [0, 2],
        [0, 2],
      ]);
      expect(bucket.quota()!.limit).toBe(2);
    });

    it("refuses without asking as long as Redis has said that there is no token", async () => {
      await using client = await connect(server.url);
      const bucket = patientBuckets(client, { burst: 1 })(newKey());
      await bucket.allow();
      expect(await bucket.allow()).toBe(false);
      expect(bucket.allow()).toBe(false);
    });

    it("gains its tokens back", async () => {
      await using client = await connect(server.url);
      const bucket = patientBuckets(client, { burst: 1, ratePerSecond: 20 })(newKey());
      expect(await bucket.allow()).toBe(true);
      await vi.waitUntil(() => bucket.allow(), patience);
    });

    it("is loaded anew where the scripts were flushed", async () => {
      await using client = await connect(server.url);
      const bucket = patientBuckets(client)(newKey());
      await bucket.allow();
      await redisCli(server, "SCRIPT", "FLUSH");
      expect(await bucket.allow()).toBe(true);
      expect(await bucket.allow()).toBe(false);
    });

    it("starts afresh where something else lies, and tells what cannot be read", async () => {
      await using client = await connect(server.url);
      const [text, future, list] = [newKey(), newKey(), newKey()];
      await redisCli(server, "SET", `ratelimit:${future}`, String(Date.now() + 86_400_000));
      await redisCli(server, "SET", `ratelimit:${text}`, "no number");
      await redisCli(server, "RPUSH", `ratelimit:${list}`, "a");
      const onError = vi.fn<(error: Error) => void>();
      const buckets = patientBuckets(client, { onError });
      expect(await buckets(text).allow()).toBe(true);
      expect(await buckets(future).allow()).toBe(true);
      await expect(buckets(list).allow()).rejects.toMatchObject({
        code: "unavailable",
        message: "rate limit: nobody can say",
      });
      expect(onError.mock.calls).toMatchObject([[{ code: "unavailable", cause: { message: /WRONGTYPE/ } }]]);
      // It has answered, so the others go on.
      expect(await buckets(newKey()).allow()).toBe(true);
    });

    it("lets those who wait go on in order", async () => {
      await using client = await connect(server.url);
      const bucket = patientBuckets(client, { burst: 1, ratePerSecond: 50 })(newKey());
      await bucket.wait(background);
      const order: number[] = [];
      await Promise.all([1, 2, 3, 4].map((n) => bucket.wait(background).then(() => order.push(n))));
      expect(order).toEqual([1, 2, 3, 4]);
    });

    it("shares a fleet's limits between the keys of a keyed limiter", async () => {
      await using client = await connect(server.url);
      const [a, b] = [newKey(), newKey()];
      const limiter = (): Endpoint<{ name: string }, string> =>
        keyedLimiter<{ name: string }>({
          key: ({ name }) => name,
          limit: patientBuckets(client, { burst: 1 }),
          maxKeys: 1,
        })(greet);
      const [here, there] = [limiter(), limiter()];
      await here({ name: a }, background);
      await here({ name: b }, background);
      await expect(there({ name: a }, background)).rejects.toThrow("rate limit exceeded");
      await expect(here({ name: b }, background)).rejects.toThrow("rate limit exceeded");
    });

    describe("while Redis is", () => {
      const faults = {
        "stopped (SIGSTOP)": [(victim: Server) => victim.pause(), async (victim: Server) => victim.resume()],
        killed: [(victim: Server) => victim.kill(), (victim: Server) => victim.restart()],
      } as const;

      it.each(Object.entries(faults))(
        "%s, does what it was told to, and asks it again afterwards",
        async (_name, fault) => {
          const [hurt, heal] = fault;
          await using victim = await startServer(redis);
          await using client = await connect(victim.url);
          const onError = vi.fn<(error: Error) => void>();
          const common = { client, ratePerSecond: 1 / 3_600, burst: 1_000, timeoutMs: 500, retryMs: 100, onError };
          const local = vi.fn<() => ReturnType<typeof tokenBucket>>(() =>
            tokenBucket({ ratePerSecond: 1 / 3_600, burst: 1 }),
          );
          const open = redisTokenBuckets({ ...common, whenAway: "allow" })(newKey());
          const closed = redisTokenBuckets({ ...common, whenAway: "refuse" })(newKey());
          const substitute = redisTokenBuckets({ ...common, whenAway: local })(newKey());
          for (const bucket of [open, closed, substitute]) {
            await vi.waitUntil(async () => {
              await Promise.resolve(bucket.allow()).catch(() => {});
              return bucket.quota()?.limit === 1_000;
            }, patience);
          }
          onError.mockClear();
          local.mockClear();

          await hurt(victim);
          expect(await open.allow()).toBe(true);
          expect(open.quota()).toBeUndefined();
          await expect(closed.allow()).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 100 });
          await expect(closed.wait(background)).rejects.toMatchObject({ code: "unavailable" });
          await substitute.allow();
          expect(await substitute.allow()).toBe(false);
          expect(substitute.retryAfterMs()).toBeGreaterThan(3_000_000);
          expect(substitute.quota()).toMatchObject({ limit: 1, remaining: 0 });
          expect(substitute.idle()).toBe(false);
          expect(onError.mock.calls.length).toBeGreaterThan(0);
          expect(["unavailable", "deadline_exceeded"]).toContain(codeOf(onError.mock.calls[0]![0]));

          await heal(victim);
          for (const bucket of [open, closed, substitute]) {
            await vi.waitUntil(async () => {
              await Promise.resolve(bucket.allow()).catch(() => {});
              return bucket.quota()?.limit === 1_000;
            }, patience);
          }
        },
      );

      it("talking garbage, does what it was told to", async () => {
        await using garbage = await impostor((received) =>
          // Greets as Redis does, so that the clients believe it.
          received.includes("eval") || received.includes("EVAL") ? "*2\r\n$4\r\nmany\r\n$3\r\nfew\r\n" : undefined,
        );
        await using client = await connect(garbage.url);
        const onError = vi.fn<(error: Error) => void>();
        const bucket = redisTokenBuckets({
          client,
          ratePerSecond: 1,
          burst: 1,
          whenAway: "refuse",
          timeoutMs: 3_000,
          onError,
        })(newKey());
        await expect(bucket.allow()).rejects.toMatchObject({ code: "unavailable" });
        expect(onError.mock.calls.length).toBe(1);
      });

      it("nowhere, decides within its time", async () => {
        await using gone = await impostor(() => undefined);
        await gone[Symbol.asyncDispose]();
        await using client = await connect(gone.url);
        const buckets = redisTokenBuckets({
          client,
          ratePerSecond: 1,
          burst: 1,
          whenAway: "allow",
          timeoutMs: 50,
          retryMs: 60_000,
        });
        expect(await Promise.all(Array.from({ length: 100 }, async () => buckets("a").allow()))).not.toContain(false);
        // Known to be away, it is not waited for.
        expect(buckets("b").allow()).toBe(true);
      });

      it("one that wants a password, does what it was told to", async () => {
        await using victim = await startServer(redis);
        await redisCli(victim, "CONFIG", "SET", "requirepass", "secret");
        await using client = await connect(victim.url);
        const onError = vi.fn<(error: Error) => void>();
        const bucket = redisTokenBuckets({
          client,
          ratePerSecond: 1,
          burst: 1,
          whenAway: "refuse",
          timeoutMs: 2_000,
          onError,
        })(newKey());
        await expect(bucket.allow()).rejects.toMatchObject({ code: "unavailable" });
        expect(onError).toHaveBeenCalledOnce();
      });
    });
  });

  describe("two processes on one Redis", () => {
    it("get the burst and not one more", async () => {
      const results = await together(2, { ratePerSecond: 1 / 86_400, burst: 1_000, calls: 2_000, forMs: 60_000 });
      expect(results.map(({ granted }) => granted).reduce((sum, n) => sum + n)).toBe(1_000);
      for (const { asked, granted } of results) expect(asked).toBeGreaterThan(granted);
    });

    it("never exceed the rate by more than 1 %", async () => {
      const [ratePerSecond, burst] = [200, 10];
      const began = performance.now();
      const results = await together(2, { ratePerSecond, burst, calls: Infinity, forMs: 3_000 });
      const seconds = (performance.now() - began) / 1_000;
      const granted = results.map((result) => result.granted).reduce((sum, n) => sum + n);
      expect(granted).toBeLessThanOrEqual((burst + ratePerSecond * seconds) * 1.01);
      // They did try: the burst at least, and each was refused.
      expect(granted).toBeGreaterThan(burst);
      for (const result of results) expect(result.asked).toBeGreaterThan(result.granted);
    });

    interface Load {
      readonly ratePerSecond: number;
      readonly burst: number;
      readonly calls: number;
      readonly forMs: number;
    }

    async function together(processes: number, load: Load): Promise<{ granted: number; asked: number }[]> {
      const script = fileURLToPath(new URL("caller.fixture.mjs", import.meta.url));
      const { ratePerSecond, burst, calls, forMs } = load;
      const args = [server.url, newKey(), ...[ratePerSecond, burst, calls, forMs].map(String)];
      const children = Array.from({ length: processes }, () => fork(script, args));
      const heard = async (child: ChildProcess): Promise<any> => (await once(child, "message"))[0];
      await Promise.all(children.map(heard));
      const results = Promise.all(children.map(heard));
      for (const child of children) child.send("go");
      return results;
    }
  });
});

/** Says that it is Redis, and something else afterwards. */
async function impostor(
  answer: (received: string) => string | undefined,
): Promise<AsyncDisposable & { readonly url: string }> {
  const listener = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      const received = data.toString("latin1");
      const commands = received.match(/^\*\d+\r\n/gm)?.length ?? 1;
      socket.write(answer(received) ?? "+OK\r\n".repeat(commands));
    });
    sockets.add(socket);
  });
  const sockets = new Set<{ destroy(): void }>();
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    url: `redis://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      if (listener.listening) await new Promise((resolve) => listener.close(resolve));
    },
  };
}
