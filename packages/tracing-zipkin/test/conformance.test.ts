import { testMiddleware } from "@kit/conformance/middleware";
import { traced } from "../src/index.ts";
import { recording } from "./recording.ts";

testMiddleware({
  setup: async () => ({ subject: traced(recording().tracer) }),
  supports: {
    keepsErrors: true,
    refusesEnded: "the span tells what the endpoint makes of such a call",
    abandonsEnded: "the span ends with the context, the call when the endpoint does",
  },
});
