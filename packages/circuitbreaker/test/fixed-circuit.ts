import { refusal } from "@kit/endpoint";
import { causedByCaller, type Circuit, circuitBreaker, type IsExcluded, type TwoStepBreaker } from "../src/index.ts";

export const refused = refusal("unavailable", "refused", { notSent: true });

/** What a circuit was told, in order. */
export type Told = readonly unknown[];

/** A circuit that stays as it is and notes what it is told. */
function fixedCircuit(name: string, isOpen = false): Circuit<Told> {
  const told: unknown[] = [];
  const admission = {
    succeeded: <Response>(response: Response): Response => {
      told.push("succeeded");
      return response;
    },
    failed: (error: unknown) => void told.push(["failed", error]),
    excluded: () => void told.push("excluded"),
  };
  return {
    name,
    state: isOpen ? "open" : "closed",
    get counts() {
      return [...told];
    },
    admit: () => (isOpen ? undefined : admission),
    refusal: () => refused,
  };
}

export function fixedBreaker(
  name: string,
  options: { isOpen?: boolean; isExcluded?: IsExcluded } = {},
): TwoStepBreaker<Told> {
  return circuitBreaker(fixedCircuit(name, options.isOpen), options.isExcluded ?? causedByCaller);
}
