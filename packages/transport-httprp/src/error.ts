import { isKitError, type KitError } from "@kit/endpoint";
import { statusError } from "@kit/transport-http";

export const timedOut: KitError = statusError(504, "deadline_exceeded", "the origin did not answer in time");

/** Why an origin has not answered. Its address, which the platform's errors name, stays in the cause. */
export function originError(cause: unknown): KitError {
  return isKitError(cause) ? cause : statusError(502, "unavailable", "the origin cannot be reached", cause);
}
