import { testMiddleware } from "@kit/conformance/middleware";
import { describe } from "vitest";
import { authorization, basicAuth, knownUsers } from "../src/index.ts";

describe("basicAuth", () => {
  const auth = basicAuth({ realm: "test", verify: knownUsers({ Aladdin: "open sesame" }) });
  testMiddleware({
    setup: async () => ({
      subject: (next) => {
        const guarded = auth(next);
        return (request, ctx) => guarded(request, ctx.with(authorization, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
      },
    }),
    supports: { keepsErrors: true, refusesEnded: true, abandonsEnded: "it hands on the endpoint's own promise" },
  });
});
