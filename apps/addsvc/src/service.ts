import { KitError } from "@kit/endpoint";
import { info, type Logger } from "@kit/log";
import type { Metrics } from "@kit/metrics";
import type { EndpointsOf } from "@kit/service";
import type { Add } from "./contract.ts";

/** The business: it knows nothing of any wire. */
export type AddService = EndpointsOf<typeof Add>;

const largest = 2 ** 31 - 1;
const smallest = -(2 ** 31);
const longest = 10;

/** The rules of go-kit's addsvc. @see go-kit/examples addsvc/pkg/addservice/service.go */
export const addService: AddService = {
  async sum({ a, b }) {
    if (a === 0 && b === 0) throw new KitError("invalid_argument", "can't sum two zeroes");
    const v = a + b;
    if (v > largest || v < smallest) throw new KitError("invalid_argument", "integer overflow");
    return { v };
  },
  async concat({ a, b }) {
    const v = a + b;
    if (Buffer.byteLength(v) > longest) throw new KitError("invalid_argument", "result exceeds maximum size");
    return { v };
  },
};

/** Logs what was asked and what came of it: application logging, in the words of the business. */
export function withLogging(service: AddService, logger: Logger): AddService {
  const log = info(logger);
  return {
    async sum(request, ctx) {
      const response = await service.sum(request, ctx);
      log.log({ method: "sum", ...request, ...response }, ctx);
      return response;
    },
    async concat(request, ctx) {
      const response = await service.concat(request, ctx);
      log.log({ method: "concat", ...request, ...response }, ctx);
      return response;
    },
  };
}

/** Counts what the business cares about. */
export function withBusinessMetrics(service: AddService, metrics: Metrics): AddService {
  const summed = metrics.counter("example_addsvc_integers_summed", {
    help: "Total count of integers summed via the Sum method.",
  });
  const concatenated = metrics.counter("example_addsvc_characters_concatenated", {
    help: "Total count of characters concatenated via the Concat method.",
  });
  return {
    async sum(request, ctx) {
      const response = await service.sum(request, ctx);
      summed.add(response.v);
      return response;
    },
    async concat(request, ctx) {
      const response = await service.concat(request, ctx);
      concatenated.add(Buffer.byteLength(response.v));
      return response;
    },
  };
}
