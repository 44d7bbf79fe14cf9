import type { Cargo, Cargos } from "./cargo/cargo.ts";
import { deliveryOf } from "./cargo/delivery.ts";
import type { HandlingEvents } from "./cargo/handling-event.ts";

/** Who wants to know what an inspection finds. */
export interface InspectionHandler {
  cargoWasMisdirected(cargo: Cargo): void;
  cargoHasArrived(cargo: Cargo): void;
}

/** Looks at a cargo each time it was handled. */
export type InspectCargo = (trackingId: string) => Promise<void>;

export function inspector(cargos: Cargos, events: HandlingEvents, handler: InspectionHandler): InspectCargo {
  return async (trackingId) => {
    const [cargo, history] = await Promise.all([cargos.find(trackingId), events.historyOf(trackingId)]);
    const { isMisdirected, isUnloadedAtDestination } = deliveryOf(cargo, history);
    if (isMisdirected) handler.cargoWasMisdirected(cargo);
    if (isUnloadedAtDestination) handler.cargoHasArrived(cargo);
  };
}
