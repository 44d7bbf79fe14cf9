import { testMiddleware } from "@kit/conformance/middleware";
import { gobreaker } from "../src/index.ts";

testMiddleware({
  setup: async () => ({ subject: gobreaker() }),
  supports: {
    keepsErrors: true,
    refusesEnded: true,
    abandonsEnded: "it waits for the endpoint, whose outcome it counts",
  },
});
