import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { background, type CancellableContext, codeOf, type Context, contextKey } from "../src/index.ts";

/**
 * A context as the rules have it: the cause is set on the whole subtree the moment it comes, where the real thing finds out
 * lazily, shares scopes and arms timers. Whatever is done to both, they must agree.
 */
interface Node {
  readonly ctx: Context;
  readonly cancellable: CancellableContext | undefined;
  readonly parent: Node | undefined;
  readonly deadline: number;
  cause: Error | "deadline" | undefined;
  readonly listeners: Listener[];
  signal: AbortSignal | undefined;
}

interface Listener {
  readonly calls: Error[];
  readonly remove: () => void;
  /** Where the listener was taken away while the context lived. */
  removed: boolean;
}

type Model = { readonly nodes: Node[] };
type Step = fc.Command<Model, undefined>;

const label = contextKey<number>("@test/label");

function isWithin(node: Node | undefined, ancestor: Node): boolean {
  for (let at = node; at !== undefined; at = at.parent) if (at === ancestor) return true;
  return false;
}

function expire(nodes: readonly Node[]): void {
  for (const node of nodes) if (Date.now() >= node.deadline) node.cause ??= "deadline";
}

function checkCause(actual: Error | undefined, expected: Node["cause"]): void {
  if (expected === "deadline") expect(codeOf(actual)).toBe("deadline_exceeded");
  else expect(actual).toBe(expected);
}

function check({ nodes }: Model): void {
  // Who listens must have been told by now; only then ask, since asking would tell them.
  for (const node of nodes) {
    for (const { calls, removed } of node.listeners) {
      expect(calls).toHaveLength(node.cause === undefined || removed ? 0 : 1);
      if (calls.length > 0) checkCause(calls[0], node.cause);
    }
    if (node.signal !== undefined) checkCause(node.signal.reason as Error | undefined, node.cause);
  }
  for (const node of nodes) {
    expect(node.ctx.deadline).toBe(node.deadline === Number.POSITIVE_INFINITY ? undefined : node.deadline);
    expect(node.deadline).toBeLessThanOrEqual(node.parent?.deadline ?? Number.POSITIVE_INFINITY);
    checkCause(node.ctx.cancelled, node.cause);
  }
  // At most a timer for each deadline that somebody waits for, his own or one above it, and none when nobody does.
  const deadlines = new Set<Node>();
  for (const node of nodes) {
    if (node.cause !== undefined) continue;
    if (node.signal === undefined && node.listeners.every(({ removed }) => removed)) continue;
    for (let at: Node | undefined = node; at !== undefined; at = at.parent) {
      if (at.deadline !== (at.parent?.deadline ?? Number.POSITIVE_INFINITY)) deadlines.add(at);
    }
  }
  expect(vi.getTimerCount()).toBeLessThanOrEqual(deadlines.size);
  expect(vi.getTimerCount() > 0).toBe(deadlines.size > 0);
}

/** A step on one of the contexts made so far. */
function step(name: string, pick: number, run: (node: Node, model: Model) => void): Step {
  return {
    check: () => true,
    run(model) {
      run(model.nodes[pick % model.nodes.length]!, model);
      expire(model.nodes);
      check(model);
    },
    toString: () => `${name} of ${pick}`,
  };
}

function add(model: Model, parent: Node, ctx: Context, own: number, cancellable?: CancellableContext): void {
  model.nodes.push({
    ctx,
    cancellable,
    parent,
    deadline: Math.min(own, parent.deadline),
    cause: parent.cause,
    listeners: [],
    signal: undefined,
  });
}

const pick = fc.nat(30);
const someMs = fc.oneof(fc.integer({ min: -2, max: 60 }), fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 33));

const steps = [
  fc
    .tuple(pick, fc.nat())
    .map(([at, value]) =>
      step(`with(${value})`, at, (parent, model) =>
        add(model, parent, parent.ctx.with(label, value), Number.POSITIVE_INFINITY),
      ),
    ),
  pick.map((at) =>
    step("withCancel()", at, (parent, model) => {
      const child = parent.ctx.withCancel();
      add(model, parent, child, Number.POSITIVE_INFINITY, child);
    }),
  ),
  fc.tuple(pick, someMs).map(([at, ms]) =>
    step(`withTimeout(${ms})`, at, (parent, model) => {
      const child = parent.ctx.withTimeout(ms);
      add(model, parent, child, Date.now() + ms, child);
    }),
  ),
  fc.tuple(pick, someMs).map(([at, ms]) =>
    step(`withDeadline(now + ${ms})`, at, (parent, model) => {
      const child = parent.ctx.withDeadline(Date.now() + ms);
      add(model, parent, child, Date.now() + ms, child);
    }),
  ),
  fc.tuple(pick, fc.boolean()).map(([at, dispose]) =>
    step(dispose ? "dispose" : "cancel", at, (node, model) => {
      if (node.cancellable === undefined) return;
      const cause = new Error(`cancel of ${at}`);
      if (dispose) node.cancellable[Symbol.dispose]();
      else node.cancellable.cancel(cause);
      for (const below of model.nodes) {
        if (isWithin(below, node)) below.cause ??= dispose ? node.ctx.cancelled : cause;
      }
    }),
  ),
  pick.map((at) =>
    step("onCancel", at, (node) => {
      const calls: Error[] = [];
      const remove = node.ctx.onCancel((cause) => calls.push(cause));
      node.listeners.push({ calls, remove, removed: false });
    }),
  ),
  fc.tuple(pick, pick).map(([at, which]) =>
    step("remove a listener", at, (node) => {
      const listener = node.listeners[which % node.listeners.length];
      listener?.remove();
      if (listener !== undefined && node.cause === undefined) listener.removed = true;
    }),
  ),
  pick.map((at) =>
    step("signal", at, (node) => {
      node.signal ??= node.ctx.signal;
    }),
  ),
  someMs.map((ms) => step(`advance ${ms} ms`, 0, () => vi.advanceTimersByTime(Math.max(0, ms)))),
];

describe("the tree of contexts", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("ends each context once, for the first cause, never later than its parent, and leaves nothing behind", () => {
    fc.assert(
      fc.property(fc.commands(steps, { maxCommands: 60 }), (commands) => {
        vi.useFakeTimers({ now: 1_000_000 });
        const top = background.withCancel();
        const root: Node = {
          ctx: top,
          cancellable: undefined,
          parent: undefined,
          deadline: Number.POSITIVE_INFINITY,
          cause: undefined,
          listeners: [],
          signal: undefined,
        };
        const model: Model = { nodes: [root] };
        fc.modelRun(() => ({ model, real: undefined }), commands);
        const end = new Error("the end");
        top.cancel(end);
        for (const node of model.nodes) node.cause ??= end;
        check(model);
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
