import { testMiddleware } from "@kit/conformance/middleware";
import { fixedBreaker } from "./fixed-circuit.ts";

testMiddleware({
  setup: async () => ({ subject: fixedBreaker("closed") }),
  supports: {
    keepsErrors: true,
    refusesEnded: true,
    abandonsEnded: "it waits for the endpoint, whose outcome it counts",
  },
});
