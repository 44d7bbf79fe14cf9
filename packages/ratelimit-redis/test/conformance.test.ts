import { testMiddleware } from "@kit/conformance/middleware";
import { delayingLimiter, erroringLimiter, keyedLimiter } from "@kit/ratelimit";
import { redis, type Server, startServer, whenInstalled } from "@kit/servers";
import { afterAll, beforeAll, describe } from "vitest";
import { clients, newKey, patientBuckets } from "./workbench.ts";

whenInstalled(redis, () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(redis);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  describe.each(Object.entries(clients))("by %s", (_, connect) => {
    const setup = async () => {
      const client = await connect(server.url);
      const buckets = patientBuckets(client, { ratePerSecond: 1_000, burst: 100 });
      return { buckets, teardown: async () => client[Symbol.asyncDispose]() };
    };

    describe("erroringLimiter", () => {
      testMiddleware({
        async setup() {
          const { buckets, teardown } = await setup();
          return { subject: erroringLimiter(buckets(newKey())), teardown };
        },
        supports: {
          keepsErrors: true,
          refusesEnded: "it looks at its limit only",
          abandonsEnded: "it hands on the endpoint's own promise",
        },
      });
    });

    describe("delayingLimiter", () => {
      testMiddleware({
        async setup() {
          const { buckets, teardown } = await setup();
          return { subject: delayingLimiter(buckets(newKey())), teardown };
        },
        supports: { keepsErrors: true, refusesEnded: true, abandonsEnded: "it waits for its limit only" },
      });
    });

    describe("keyedLimiter", () => {
      testMiddleware({
        async setup() {
          const { buckets, teardown } = await setup();
          const key = newKey();
          return { subject: keyedLimiter({ key: () => key, limit: buckets }), teardown };
        },
        supports: {
          keepsErrors: true,
          refusesEnded: "it looks at its limit only",
          abandonsEnded: "it hands on the endpoint's own promise",
        },
      });
    });
  });
});
