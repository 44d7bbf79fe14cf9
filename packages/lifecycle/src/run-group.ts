import { constants } from "node:os";

import { background, type CancellableContext, codeOf, type Context, refusal } from "@kit/endpoint";

import type { Actor, Phase } from "./actor.ts";

/** What {@link runGroup} can be told. */
export interface RunGroupOptions {
  /** The signals that stop the group. @default SIGINT and SIGTERM, with which terminals and orchestrators ask */
  readonly signals?: readonly NodeJS.Signals[];
  /** The longest stop, drain delay included, in ms. @default 25_000, five seconds before Kubernetes kills */
  readonly stopTimeoutMs?: number;
  /**
   * How long to go on serving between `deregister` and `drain`, in ms, for balancers and clients that have yet to notice.
   *
   * @default 0, since only the deployment knows; behind a Kubernetes service 5_000 is usual
   */
  readonly drainDelayMs?: number;
  /** Where the signals come from. @default process */
  readonly signalSource?: SignalSource;
}

/** The part of `process` that {@link runGroup} uses. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

/** Something that went wrong while the group stopped. */
export interface StopError {
  readonly actor: string;
  /** What the actor threw; or a `KitError`, `deadline_exceeded` or `canceled`, because it had not stopped when the time was up or a second signal came. */
  readonly error: unknown;
}

type Ending =
  | { readonly reason: "signal"; readonly signal: NodeJS.Signals }
  | { readonly reason: "finished"; readonly actor: string }
  | { readonly reason: "failed"; readonly actor: string; readonly error: unknown };

/** Who ended a group and why, and how the stop went. */
export type GroupEnd = Ending & {
  /** Who and why in one line, for a log: `received signal SIGTERM`, `http failed`. */
  readonly message: string;
  /** In the order in which they came; empty after a clean stop. */
  readonly stopErrors: readonly StopError[];
  /** For `process.exit`. 0: a clean stop. 1: an actor failed, or something went wrong while stopping. 128 and its number: a second signal cut the stop short. */
  readonly exitCode: number;
};

/** npm passes on to its child what the terminal has sent it already, so the same signal within this time, in ms, counts as one. */
const echoMs = 500;

const phases: readonly Phase[] = ["deregister", "drain", "close"];

/**
 * Starts the actors one after another and waits. The first that finishes or fails, or a signal, stops them all, phase by phase and in
 * the reverse of the listed order: `deregister`; then, if all were up, the drain delay; `drain`; `close`. The actors of `close` stop
 * one by one, since they may need each other, those of the other phases together. When the time is up or a second signal comes, what
 * has not stopped is left as it is. The same signal within half a second is no second one: npm repeats what it gets.
 *
 * Listens to signals only while it runs.
 *
 * @param actors - what others need comes first. One with neither `start` nor `run` counts as up from the beginning.
 * @returns never rejects.
 * @throws {TypeError} at once, for a wrong option.
 * @see oklog/run, which go-kit's examples use
 */
export function runGroup(actors: readonly Actor[], options: RunGroupOptions = {}): Promise<GroupEnd> {
  const { signals = ["SIGINT", "SIGTERM"], stopTimeoutMs = 25_000, drainDelayMs = 0, signalSource = process } = options;
  if (!(stopTimeoutMs > 0 && stopTimeoutMs < Infinity)) {
    throw new TypeError(`runGroup: stopTimeoutMs must be a positive number, got ${stopTimeoutMs}`);
  }
  if (!(drainDelayMs >= 0 && drainDelayMs < stopTimeoutMs)) {
    throw new TypeError(`runGroup: drainDelayMs must be at least 0 and less than stopTimeoutMs, got ${drainDelayMs}`);
  }
  for (const signal of signals) {
    if (!(signal in constants.signals) || signal === "SIGKILL" || signal === "SIGSTOP") {
      throw new TypeError(`runGroup: signals must be signals that a process can catch, got ${signal}`);
    }
  }
  for (const { name, phase = "drain" } of actors) {
    if (!phases.includes(phase)) {
      throw new TypeError(`runGroup: phase of ${name} must be one of ${phases.join(", ")}, got ${phase}`);
    }
  }
  return runToEnd(actors, { signals: [...new Set(signals)], stopTimeoutMs, drainDelayMs, signalSource });
}

/** An actor in a running group. */
interface Member {
  readonly actor: Actor;
  readonly ctx: CancellableContext;
  state: "down" | "starting" | "up";
  starting?: Promise<void>;
  running?: Promise<void>;
}

async function runToEnd(actors: readonly Actor[], options: Required<RunGroupOptions>): Promise<GroupEnd> {
  const { signals, stopTimeoutMs, drainDelayMs, signalSource } = options;
  const members = actors.map((actor): Member => ({
    actor,
    ctx: background.withCancel(),
    state: actor.start === undefined && actor.run === undefined ? "up" : "down",
  }));
  const received: { readonly signal: NodeJS.Signals; readonly at: number }[] = [];
  const patience = background.withCancel();
  const stopErrors: StopError[] = [];
  let ending = false;
  let resolveEnded: (by: Ending) => void;
  const ended = new Promise<Ending>((resolve) => {
    resolveEnded = resolve;
  });

  function end(by: Ending): void {
    ending = true;
    resolveEnded(by);
  }

  function fail({ name }: Actor, error: unknown): void {
    if (!ending) end({ reason: "failed", actor: name, error });
    else if (codeOf(error) !== "canceled") stopErrors.push({ actor: name, error });
  }

  function onSignal(signal: NodeJS.Signals): void {
    const now = Date.now();
    if (received.some((earlier) => earlier.signal === signal && now - earlier.at < echoMs)) return;
    if (received.push({ signal, at: now }) === 1) end({ reason: "signal", signal });
    else patience.cancel();
  }

  async function start(member: Member): Promise<void> {
    const { actor, ctx } = member;
    member.state = "starting";
    try {
      await actor.start?.(ctx);
      member.state = "up";
    } catch (error) {
      member.state = "down";
      fail(actor, error);
    }
  }

  async function run({ actor, ctx }: Member): Promise<void> {
    if (actor.run === undefined) return;
    try {
      await actor.run(ctx);
      end({ reason: "finished", actor: actor.name });
    } catch (error) {
      fail(actor, error);
    }
  }

  async function startAll(): Promise<void> {
    for (const member of members) {
      if (member.actor.start !== undefined) await (member.starting = start(member));
      if (ending) return;
      member.state = "up";
      member.running = run(member);
    }
  }

  async function stop(member: Member): Promise<void> {
    const { actor, ctx } = member;
    if (grace.cancelled !== undefined) return;
    ctx.cancel();
    await member.starting;
    if (member.state === "down") return;
    try {
      await actor.stop?.(grace);
    } catch (error) {
      stopErrors.push({ actor: actor.name, error });
    }
    await member.running;
    member.state = "down";
  }

  async function stopAll(): Promise<void> {
    const wasUp = members.every(({ state }) => state === "up");
    for (const phase of phases) {
      if (phase === "drain" && wasUp) await over(grace.withTimeout(drainDelayMs));
      const those = members.filter(({ actor }) => (actor.phase ?? "drain") === phase).toReversed();
      if (phase === "close") for (const member of those) await stop(member);
      else await Promise.all(those.map(stop));
    }
  }

  for (const signal of signals) signalSource.on(signal, onSignal);
  void startAll();
  const by = await ended;
  const grace = patience.withTimeout(stopTimeoutMs);
  await Promise.race([stopAll(), over(grace)]);
  for (const signal of signals) signalSource.off(signal, onSignal);

  const left = members.filter(({ state }) => state !== "down");
  const forcedBy = received[1]?.signal;
  const why = forcedBy
    ? refusal("canceled", `not stopped when ${forcedBy} came`)
    : refusal("deadline_exceeded", `not stopped within ${stopTimeoutMs} ms`);
  for (const { actor } of left) stopErrors.push({ actor: actor.name, error: why });
  patience.cancel();
  for (const { ctx } of members) ctx.cancel();
  const wrong = by.reason === "failed" || stopErrors.length > 0;
  return {
    ...by,
    message: by.reason === "signal" ? `received signal ${by.signal}` : `${by.actor} ${by.reason}`,
    stopErrors: [...stopErrors],
    exitCode: forcedBy && left.length > 0 ? 128 + constants.signals[forcedBy] : Number(wrong),
  };
}

/** Resolves when the context ends. */
function over(ctx: Context): Promise<void> {
  return new Promise((resolve) => {
    ctx.onCancel(() => resolve());
  });
}
