import { testMiddleware } from "@kit/conformance/middleware";
import { traced } from "./told-span.ts";

testMiddleware({
  setup: async () => ({ subject: traced }),
  supports: {
    keepsErrors: true,
    refusesEnded: "the span tells what the endpoint makes of such a call",
    abandonsEnded: "the span ends with the context, the call when the endpoint does",
  },
});
