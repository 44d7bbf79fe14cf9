import { isKitError, KitError } from "@kit/endpoint";

/**
 * What a driver threw, with a code. Its message stays here as the cause's: a `KitError`'s crosses wires, and a driver's tells strangers
 * where the registry is.
 */
export function registryError(error: unknown): KitError {
  return isKitError(error) ? error : new KitError("unavailable", "service discovery is unavailable", { cause: error });
}
