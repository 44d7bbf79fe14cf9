import { type Context, type Endpoint, type KitError, refusal } from "@kit/endpoint";

/**
 * Chooses among the instances of a service.
 *
 * `T` is what the endpointer lists: an endpoint, or a client, whose members are endpoints. A balancer that must know when calls begin
 * and end wraps these once for each list of the endpointer, which is the same array until something changes; so what it picks works as
 * the listed one does, but need not be the same object.
 *
 * @see go-kit sd/lb/balancer.go
 */
export interface Balancer<T = Endpoint> {
  /**
   * Chooses one, for a single attempt. It need not be called: `retry` picks again when it has tried that one, so what counts is the call,
   * not the pick.
   *
   * @param ctx - the call's, for a balancer that looks at where it comes from or how often it was tried.
   * @param request - the call's, for a balancer that keeps equal requests together.
   * @throws {KitError} `unavailable` "no endpoints available", marked `notSent`, while there is none.
   * @throws the endpointer's own error.
   */
  pick(ctx?: Context, request?: unknown): T;
}

/** What a balancer throws while there is nothing to pick. Made once, since it comes by the thousand when a service is gone. */
export const noEndpoints: KitError<"unavailable"> = refusal("unavailable", "no endpoints available", { notSent: true });
