import { testMiddleware } from "@kit/conformance/middleware";
import { describe } from "vitest";
import { casbinAuthorizer, loadEnforcer } from "../src/index.ts";
import { example } from "./examples.ts";

describe("casbinAuthorizer", () => {
  testMiddleware({
    async setup() {
      const policy = example("basic_policy.csv");
      const enforcer = await loadEnforcer({ model: example("basic_model.conf"), policy });
      return { subject: casbinAuthorizer({ enforcer, subject: "alice", object: "data1", action: "read" }) };
    },
    supports: { keepsErrors: true, refusesEnded: true, abandonsEnded: "it hands on the endpoint's own promise" },
  });
});
