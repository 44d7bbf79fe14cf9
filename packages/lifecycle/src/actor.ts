import type { Context } from "@kit/endpoint";

/**
 * When an actor is stopped. `deregister`: what makes others call here, such as a registration or the readiness. `drain`: what takes
 * work in; it takes no more and finishes what it has. `close`: what the others needed until then, such as a database.
 */
export type Phase = "deregister" | "drain" | "close";

/** Something that starts and stops with the process. Each of its parts is optional. */
export interface Actor {
  /** What logs and a {@link GroupEnd} call it. */
  readonly name: string;
  /** @default "drain" */
  readonly phase?: Phase;
  /**
   * Brings it up; the next actor starts when this resolves. A failure ends the group and is not followed by `stop`: clean up before throwing.
   *
   * @param ctx - ends when the actor is to stop.
   */
  start?(ctx: Context): void | Promise<unknown>;
  /**
   * Its work, from when it is up. The group ends when this settles; a rejection is a failure, but `canceled` is none once the group stops.
   *
   * @param ctx - ends when the actor is to stop.
   */
  run?(ctx: Context): Promise<unknown>;
  /**
   * Stops it, if it came up; called once. The actor has stopped when this and `run` have settled.
   *
   * @param ctx - ends when the group stops waiting: cut off then what is not finished.
   */
  stop?(ctx: Context): void | Promise<unknown>;
}
