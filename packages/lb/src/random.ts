import type { Endpointer } from "@kit/sd";
import { type Balancer, noEndpoints } from "./balancer.ts";

export interface RandomOptions {
  /** A number from 0 to below 1. @default Math.random */
  readonly random?: () => number;
}

/**
 * Picks any, each time anew: no better spread than {@link roundRobin}, but clients that start together do not go round together.
 *
 * @see go-kit sd/lb/random.go
 */
export function random<T>(endpointer: Endpointer<T>, options: RandomOptions = {}): Balancer<T> {
  const { random: draw = Math.random } = options;
  return {
    pick() {
      const endpoints = endpointer.endpoints();
      const picked = endpoints[Math.floor(draw() * endpoints.length)];
      if (picked === undefined) throw noEndpoints;
      return picked;
    },
  };
}
