import type { Breaker } from "./breaker.ts";

/** What is known of an instance: an `Instance` of `@kit/sd`, or just its address. */
export interface Addressed {
  readonly address: string;
}

export interface PerInstanceOptions {
  /**
   * How many instances to remember, at least 1. Beyond, the one that was asked for longest ago is forgotten: its breaker goes on where it
   * is in use, but is no longer listed, and the instance gets a new one when it comes back. @default 1_000, about 4 MB
   */
  readonly maxInstances?: number;
}

/** One breaker for each instance; those that are remembered, when iterated. */
export interface InstanceBreakers<I extends Addressed, B extends Breaker> extends Iterable<B> {
  /** The instance's breaker, made when first asked for. */
  (instance: I): B;
}

/**
 * One breaker for each instance of a service, for use behind a balancer: an instance that fails is left alone while the others serve. It is
 * known by its address, so an instance that comes back within the bound finds its breaker as it was.
 *
 * @param make - makes an instance's breaker; name it for the address.
 * @throws {TypeError} for an option that makes no sense.
 * @example
 * const breakers = perInstance(({ address }: Instance) => gobreaker({ name: address }));
 * balancedClient(Add, { instances, connect: (instance) => guardClient(connect(instance), breakers(instance)) });
 */
export function perInstance<I extends Addressed, B extends Breaker>(
  make: (instance: I) => B,
  options: PerInstanceOptions = {},
): InstanceBreakers<I, B> {
  const { maxInstances = 1_000 } = options;
  if (!(Number.isSafeInteger(maxInstances) && maxInstances >= 1)) {
    throw new TypeError(`perInstance: maxInstances must be a positive integer, got ${maxInstances}`);
  }
  // In the order in which they were asked for.
  const breakers = new Map<string, B>();

  function breakerOf(instance: I): B {
    const { address } = instance;
    const breaker = breakers.get(address) ?? make(instance);
    breakers.delete(address);
    breakers.set(address, breaker);
    if (breakers.size > maxInstances) breakers.delete(breakers.keys().next().value!);
    return breaker;
  }

  return Object.assign(breakerOf, { [Symbol.iterator]: () => breakers.values() });
}
