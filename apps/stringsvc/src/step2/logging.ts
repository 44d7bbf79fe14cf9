import type { Logger } from "@kit/log";
import type { StringService } from "./contract.ts";

/** Logs what was asked and what came of it: application logging, in the words of the business. */
export function withLogging(service: StringService, logger: Logger): StringService {
  return {
    async uppercase({ s }, ctx) {
      const took = stopwatch();
      try {
        const reply = await service.uppercase({ s }, ctx);
        const { v, err = null } = reply;
        logger.log({ method: "uppercase", input: s, output: v, err, took_ms: took() }, ctx);
        return reply;
      } catch (error) {
        logger.log({ method: "uppercase", input: s, err: error, took_ms: took() }, ctx);
        throw error;
      }
    },
    async count({ s }, ctx) {
      const took = stopwatch();
      const reply = await service.count({ s }, ctx);
      logger.log({ method: "count", input: s, n: reply.v, took_ms: took() }, ctx);
      return reply;
    },
  };
}

/** The time since it was made, in ms. */
function stopwatch(): () => number {
  const begin = performance.now();
  return () => Number((performance.now() - begin).toFixed(3));
}
