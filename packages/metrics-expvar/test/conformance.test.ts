import { testMetrics } from "@kit/conformance/metrics";
import { describe } from "vitest";
import { expvarMetrics } from "../src/index.ts";
import { find } from "./page.ts";

describe("expvarMetrics", () => {
  testMetrics({
    async setup() {
      const metrics = expvarMetrics();
      const read = (name: string, labels: Readonly<Record<string, string>>) => find(metrics.page(), name, labels);
      return {
        subject: {
          metrics,
          value: async (name, labels) => read(name, labels),
          async histogram(name, labels) {
            const count = read(`${name}.count`, labels);
            return count === undefined
              ? undefined
              : { count, quantile: (q) => read(`${name}.p${Math.round(q * 100)}`, labels) };
          },
        },
      };
    },
    supports: {
      labels: true,
      anyValue: true,
      separators: true,
      quantiles: true,
      buckets: "a page of Go's has quantiles",
    },
  });
});
