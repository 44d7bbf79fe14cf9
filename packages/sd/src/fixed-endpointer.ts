import type { Endpointer } from "./endpointer.ts";
import { type Instance, parseInstance } from "./instance.ts";

/**
 * An endpointer of endpoints that are there already: for tests, and for balancing over a few clients made by hand.
 *
 * @param instances - what a balancer may ask of each, such as weight and zone. By default the addresses are the indices.
 * @throws {TypeError} when there are instances, but not one for each endpoint.
 * @see go-kit sd/endpointer.go, FixedEndpointer
 */
export function fixedEndpointer<T>(endpoints: readonly T[], instances?: readonly Instance[]): Endpointer<T> {
  if (instances !== undefined && instances.length !== endpoints.length) {
    throw new TypeError(
      `fixedEndpointer: ${endpoints.length} endpoints need as many instances, got ${instances.length}`,
    );
  }
  const list = [...endpoints];
  const described = Object.freeze(list.map((_, at) => parseInstance(instances?.[at] ?? { address: String(at) })));
  return { endpoints: () => list, instances: () => described };
}
