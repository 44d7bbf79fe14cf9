import { carriedValue, carrierId, type ContextKey } from "./context-key.ts";
import { KitError, refusal } from "./error.ts";

/**
 * What travels beside a request: until when, whether anybody still waits, and typed values. Immutable; each `with…` makes a child
 * that sees all its parent has and is never alive longer.
 */
export interface Context {
  /** When the call must be over, in ms since the Unix epoch; the earliest of this context's and its ancestors'. */
  readonly deadline: number | undefined;
  /** Why the call is over, once it is: a `KitError` `canceled` or `deadline_exceeded`, or what `cancel` was given. */
  readonly cancelled: Error | undefined;
  /** For APIs that want an `AbortSignal`; aborts with `cancelled` as its reason. Made when first asked for: about 4 µs, so use `onCancel` where you can. */
  readonly signal: AbortSignal;
  /** The value nearest to this context; for a carried key also one that the caller sent. A value that its codec refuses counts as absent. */
  get<T>(key: ContextKey<T>): T | undefined;
  with<T>(key: ContextKey<T>, value: T): Context;
  /** A child that can be ended by itself. Dispose it (`using`) when its work is done: until then its parent may hold on to it. */
  withCancel(): CancellableContext;
  /** A child that ends in `ms` milliseconds, or with its parent if that is earlier. */
  withTimeout(ms: number): CancellableContext;
  /** A child that ends at `epochMs`, or with its parent if that is earlier. */
  withDeadline(epochMs: number): CancellableContext;
  /**
   * Calls `listener` once, when the context ends, or at once if it has. It must not throw.
   *
   * @returns takes the listener away; call it when the work is done, so that nothing is kept.
   */
  onCancel(listener: (cause: Error) => void): () => void;
}

/** A context that its maker can end. */
export interface CancellableContext extends Context, Disposable {
  /** Ends this context and its descendants; the first cause stands. @default a `KitError` `canceled` */
  cancel(cause?: Error): void;
}

// Made once: what a cancelled call costs is mostly the stack of its error.
const canceled = refusal("canceled", "context canceled");
const deadlineExceeded = refusal("deadline_exceeded", "context deadline exceeded");

/** The longest delay that `setTimeout` takes; beyond, it fires at once. */
const longestDelayMs = 2 ** 31 - 1;

type Listener = (cause: Error) => void;

/** A place in a scope's ring of listeners, which is empty when the scope is its own neighbour. A Set for every call would cost more than all the rest. */
interface Link {
  call: Listener | undefined;
  before: Link;
  after: Link;
}

/**
 * The life of a cancellable context, shared by the value contexts below it. It holds a timer and a place in its parent only while
 * somebody listens, so a deadline that nobody waits for costs one object.
 */
class Scope implements Link {
  call: undefined;
  before: Link = this;
  after: Link = this;
  readonly parent: Scope | undefined;
  /** Infinity where there is none. */
  readonly deadline: number;
  cause: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  #leaveParent: (() => void) | undefined;
  #controller: AbortController | undefined;

  constructor(parent: Scope | undefined, deadline: number) {
    this.parent = parent;
    this.deadline = Math.min(deadline, parent?.deadline ?? Infinity);
  }

  get over(): Error | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined && this.cause === undefined; scope = scope.parent) {
      if (scope.cause !== undefined) this.end(scope.cause);
    }
    // No ancestor's deadline is earlier, so one look at the clock is enough.
    if (this.cause === undefined && this.deadline < Infinity && Date.now() >= this.deadline) this.end(deadlineExceeded);
    return this.cause;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = (this.#controller = new AbortController());
      this.listen((cause) => controller.abort(cause));
    }
    return this.#controller.signal;
  }

  listen(call: Listener): () => void {
    if (this.over === undefined && this.after === this) this.#attach();
    // Asked again: the clock may have reached the parent's deadline meanwhile.
    if (this.cause !== undefined) {
      call(this.cause);
      return () => {};
    }
    const link: Link = { call, before: this.before, after: this };
    this.before = this.before.after = link;
    return () => {
      if (link.call === undefined) return;
      link.call = undefined;
      link.before.after = link.after;
      link.after.before = link.before;
      if (this.after === this) this.#detach();
    };
  }

  end(cause: Error): void {
    if (this.cause !== undefined) return;
    this.cause = cause;
    this.#detach();
    // In place, so that a listener which takes another away is obeyed.
    for (let link = this.after; link !== this; link = link.after) {
      try {
        link.call?.(cause);
      } catch (error) {
        // As an event target does: the others are told, and the failure surfaces.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    this.before = this.after = this;
  }

  #attach(): void {
    this.#leaveParent = this.parent?.listen((cause) => this.end(cause));
    if (this.cause === undefined && this.deadline < (this.parent?.deadline ?? Infinity)) this.#arm();
  }

  #arm(): void {
    const delay = this.deadline - Date.now();
    const ring = (): void => (delay > longestDelayMs ? this.#arm() : this.end(deadlineExceeded));
    this.#timer = setTimeout(ring, Math.min(delay, longestDelayMs));
  }

  #detach(): void {
    clearTimeout(this.#timer);
    this.#leaveParent?.();
  }
}

class ContextNode implements CancellableContext {
  readonly #parent: ContextNode | undefined;
  readonly #scope: Scope | undefined;
  readonly #id: symbol | undefined;
  readonly #value: unknown;

  constructor(parent: ContextNode | undefined, scope: Scope | undefined, id?: symbol, value?: unknown) {
    this.#parent = parent;
    this.#scope = scope;
    this.#id = id;
    this.#value = value;
  }

  get deadline(): number | undefined {
    const deadline = this.#scope?.deadline;
    return deadline === Infinity ? undefined : deadline;
  }

  get cancelled(): Error | undefined {
    return this.#scope?.over;
  }

  get signal(): AbortSignal {
    return this.#scope?.signal ?? new AbortController().signal;
  }

  get<T>(key: ContextKey<T>): T | undefined {
    for (let node: ContextNode | undefined = this; node !== undefined; node = node.#parent) {
      if (node.#id === key.id) return node.#value as T;
      if (key.carry !== undefined && node.#id === carrierId) {
        const value = carriedValue(key, node.#value);
        if (value !== undefined) return value;
      }
    }
    return undefined;
  }

  with<T>(key: ContextKey<T>, value: T): Context {
    return new ContextNode(this, this.#scope, key.id, value);
  }

  withCancel(): CancellableContext {
    return this.withDeadline(Infinity);
  }

  withTimeout(ms: number): CancellableContext {
    return this.withDeadline(Date.now() + ms);
  }

  withDeadline(epochMs: number): CancellableContext {
    if (Number.isNaN(epochMs)) throw new KitError("invalid_argument", "a deadline must be a number");
    return new ContextNode(this, new Scope(this.#scope, epochMs));
  }

  onCancel(listener: Listener): () => void {
    return this.#scope?.listen(listener) ?? (() => {});
  }

  cancel(cause: Error = canceled): void {
    this.#scope?.end(cause);
  }

  [Symbol.dispose](): void {
    this.cancel();
  }
}

/** The root of every context: no deadline, never cancelled, no values. */
export const background: Context = new ContextNode(undefined, undefined);
