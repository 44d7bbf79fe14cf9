import { type Hystrix, hystrix } from "@kit/circuitbreaker-hystrix";
import type { Context } from "@kit/endpoint";
import { levels, type Logger } from "@kit/log";
import { connectHttp } from "@kit/transport-http";
import type { RouteSpecification } from "../cargo/cargo.ts";
import type { Itinerary } from "../cargo/itinerary.ts";
import { Routing } from "./contract.ts";

/** Finds routes, and keeps the words of the routing service out of our model. */
export interface Routes extends AsyncDisposable {
  /** Every route that the routing service knows; none while it does not answer. */
  fetch(specification: RouteSpecification, ctx: Context): Promise<readonly Itinerary[]>;
  /** For a dashboard. */
  readonly breaker: Hystrix;
}

/** Calls the routing service at `url`, behind Hystrix: whatever goes wrong there, booking goes on without routes. */
export function remoteRoutes(url: string, logger: Logger): Routes {
  const log = levels(logger);
  const remote = connectHttp(Routing, { url });
  const breaker = hystrix({
    name: "fetch-routes",
    // Only a caller who has gone needs no answer: to us any other error is a routing service that does not work.
    isExcluded: (_, ctx) => ctx.cancelled !== undefined,
    fallback(error, { from, to }: { readonly from: string; readonly to: string }) {
      log.warn("no routes", { from, to, error });
      return { paths: [] };
    },
    onStateChange: ({ name, from, to }) => log.warn("circuit breaker", { name, from, to }),
  });
  const fetchPaths = breaker(remote.paths);
  return {
    breaker,
    async fetch({ origin, destination }, ctx) {
      const { paths } = await fetchPaths({ from: origin, to: destination }, ctx);
      return paths.map(({ edges }) =>
        edges.map((edge) => ({
          voyage: edge.voyage,
          from: edge.origin,
          to: edge.destination,
          loadTime: edge.departure,
          unloadTime: edge.arrival,
        })),
      );
    },
    [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose](),
  };
}
