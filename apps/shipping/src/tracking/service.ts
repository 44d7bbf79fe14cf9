import type { EndpointsOf } from "@kit/service";
import type { Cargos } from "../cargo/cargo.ts";
import { type Delivery, deliveryOf } from "../cargo/delivery.ts";
import type { HandlingActivity, HandlingEvent, HandlingEvents } from "../cargo/handling-event.ts";
import { isExpected } from "../cargo/itinerary.ts";
import { formatTime } from "../wire-time.ts";
import type { Tracking } from "./contract.ts";

export type TrackingService = EndpointsOf<typeof Tracking>;

export function trackingService(cargos: Cargos, events: HandlingEvents): TrackingService {
  return {
    async track({ id }) {
      const [cargo, history] = await Promise.all([cargos.find(id), events.historyOf(id)]);
      const { trackingId, routeSpecification, itinerary } = cargo;
      const delivery = deliveryOf(cargo, history);
      return {
        cargo: {
          tracking_id: trackingId,
          status_text: statusText(delivery),
          origin: routeSpecification.origin,
          destination: routeSpecification.destination,
          eta: formatTime(delivery.eta),
          next_expected_activity: expectation(delivery.nextExpectedActivity),
          arrival_deadline: formatTime(routeSpecification.arrivalDeadline),
          events: history.map((event) => ({
            description: description(event),
            expected: isExpected(itinerary, event),
          })),
        },
      };
    },
  };
}

function statusText({ transportStatus, lastKnownLocation, currentVoyage = "" }: Delivery): string {
  const texts = {
    "not received": "Not received",
    "in port": `In port ${lastKnownLocation}`,
    "onboard carrier": `Onboard voyage ${currentVoyage}`,
    claimed: "Claimed",
  };
  return texts[transportStatus];
}

function expectation(next: HandlingActivity | undefined): string {
  if (next === undefined) return "There are currently no expected activities for this cargo.";
  const { type, location, voyage } = next;
  const ship = {
    Load: ` onto voyage ${voyage}`,
    Unload: ` off of voyage ${voyage}`,
    Receive: "",
    Customs: "",
    Claim: "",
  };
  return `Next expected activity is to ${type.toLowerCase()} cargo${ship[type]} in ${location}.`;
}

function description({ type, location, voyage = "", completedAt }: HandlingEvent): string {
  const at = formatTime(completedAt);
  const texts = {
    Receive: `Received in ${location}, at ${at}`,
    Load: `Loaded onto voyage ${voyage} in ${location}, at ${at}.`,
    Unload: `Unloaded off voyage ${voyage} in ${location}, at ${at}.`,
    Customs: `Cleared customs in ${location}, at ${at}.`,
    Claim: `Claimed in ${location}, at ${at}.`,
  };
  return texts[type];
}
