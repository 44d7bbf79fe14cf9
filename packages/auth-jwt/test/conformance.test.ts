import type { Middleware } from "@kit/endpoint";
import { testMiddleware } from "@kit/conformance/middleware";
import { describe } from "vitest";
import { jwtParser, jwtSigner, jwtToken } from "../src/index.ts";
import { mapToken, secret } from "./tokens.ts";

const handsOn = "it hands on the endpoint's own promise";

describe("jwtParser", () => {
  const parser = jwtParser({ key: secret, algorithms: ["HS256"] });
  const withToken: Middleware = (next) => {
    const parsed = parser(next);
    return (request, ctx) => parsed(request, ctx.with(jwtToken, mapToken));
  };
  testMiddleware({
    setup: async () => ({ subject: withToken }),
    supports: { keepsErrors: true, refusesEnded: true, abandonsEnded: handsOn },
  });
});

describe("jwtSigner", () => {
  testMiddleware({
    setup: async () => ({ subject: jwtSigner({ key: secret, algorithm: "HS256", claims: { user: "go-kit" } }) }),
    supports: { keepsErrors: true, refusesEnded: "it signs only", abandonsEnded: handsOn },
  });
});
