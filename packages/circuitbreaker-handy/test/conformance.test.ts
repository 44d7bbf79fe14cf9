import { testMiddleware } from "@kit/conformance/middleware";
import { handyBreaker } from "../src/index.ts";

testMiddleware({
  setup: async () => ({ subject: handyBreaker({ failureRatio: 0.5 }) }),
  supports: {
    keepsErrors: true,
    refusesEnded: true,
    abandonsEnded: "it waits for the endpoint, whose outcome it counts",
  },
});
