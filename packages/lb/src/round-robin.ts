import type { Endpointer } from "@kit/sd";
import { type Balancer, noEndpoints } from "./balancer.ts";

/**
 * Picks one after the other, from the first.
 *
 * @see go-kit sd/lb/round_robin.go
 */
export function roundRobin<T>(endpointer: Endpointer<T>): Balancer<T> {
  let next = 0;
  return {
    pick() {
      const endpoints = endpointer.endpoints();
      const at = next < endpoints.length ? next : 0;
      const picked = endpoints[at];
      if (picked === undefined) throw noEndpoints;
      next = at + 1;
      return picked;
    },
  };
}
