import type { Instance } from "./instance.ts";
import { instanceCache } from "./instance-cache.ts";
import type { Instancer } from "./instancer.ts";

/**
 * An instancer of a list that never changes: for tests, and for services whose addresses are configuration.
 *
 * @throws {TypeError} when one is no instance.
 * @see go-kit sd/instancer.go, FixedInstancer
 */
export function fixedInstancer(instances: Iterable<Instance>): Instancer {
  const cache = instanceCache();
  cache.update(instances);
  return cache;
}
