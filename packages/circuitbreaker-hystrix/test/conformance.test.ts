import { testMiddleware } from "@kit/conformance/middleware";
import { hystrix } from "../src/index.ts";

testMiddleware({
  setup: async () => ({ subject: hystrix({ name: "conformance", maxConcurrentRequests: 50 }) }),
  supports: { keepsErrors: true, refusesEnded: true, abandonsEnded: "it waits for the endpoint, or its own timeout" },
});
