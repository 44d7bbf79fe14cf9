import { type AnyMiddleware, chain } from "@kit/endpoint";
import { bind, levels, type Logger, logged } from "@kit/log";
import { measured, type Metrics } from "@kit/metrics";
import { implement, type Method } from "@kit/service";
import { type HttpHandler, serveHttp, type ServeHttpOptions } from "@kit/transport-http";
import { Booking } from "./booking/contract.ts";
import { bookingService, withLogging as withBookingLog } from "./booking/service.ts";
import { encodeShippingError } from "./errors.ts";
import { Handling } from "./handling/contract.ts";
import { handlingService, withLogging as withHandlingLog } from "./handling/service.ts";
import { type InspectionHandler, inspector } from "./inspection.ts";
import type { Routes } from "./routing/routes.ts";
import type { Store } from "./store.ts";
import { Tracking } from "./tracking/contract.ts";
import { trackingService } from "./tracking/service.ts";

/** What the three contexts stand on. */
export interface Ground {
  readonly store: Store;
  readonly routes: Routes;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Answers what none of them does. */
  readonly otherwise?: NonNullable<ServeHttpOptions["otherwise"]>;
}

/** The three contexts on one address, each knowing the domain and nothing of the others. */
export function shippingHandler({
  store: { cargos, events },
  routes,
  logger,
  metrics,
  otherwise,
}: Ground): HttpHandler {
  const named = (component: string): Logger => bind(logger, { component });
  const wrap = ({ service, name }: Method): AnyMiddleware =>
    chain(measured(metrics, { service, name, prefix: `api_${service}_service_` }), logged(named(service)));

  const inspect = inspector(cargos, events, announcing(named("inspection"), metrics));
  const booking = withBookingLog(bookingService(cargos, routes), named("booking"));
  const tracking = trackingService(cargos, events);
  const handling = withHandlingLog(handlingService(cargos, events, inspect), named("handling"));

  const errorEncoder = encodeShippingError;
  return serveHttp(Booking, implement(Booking, booking, wrap), {
    errorEncoder,
    otherwise: serveHttp(Tracking, implement(Tracking, tracking, wrap), {
      errorEncoder,
      otherwise: serveHttp(Handling, implement(Handling, handling, wrap), {
        errorEncoder,
        ...(otherwise && { otherwise }),
      }),
    }),
  });
}

/** Tells of what an inspection finds where operators look: in the log and in numbers. */
function announcing(logger: Logger, metrics: Metrics): InspectionHandler {
  const log = levels(logger);
  const misdirected = metrics.counter("shipping_misdirections", {
    help: "Inspections that found a cargo misdirected.",
  });
  const arrived = metrics.counter("shipping_arrivals", { help: "Cargos unloaded at their destination." });
  return {
    cargoWasMisdirected({ trackingId }) {
      misdirected.add();
      log.warn("cargo was misdirected", { tracking_id: trackingId });
    },
    cargoHasArrived({ trackingId }) {
      arrived.add();
      log.info("cargo has arrived", { tracking_id: trackingId });
    },
  };
}
