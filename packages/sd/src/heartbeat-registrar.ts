import { background, type CancellableContext, type Context, KitError, refusal } from "@kit/endpoint";
import { type Backoff, backoff } from "./backoff.ts";
import { guarded } from "./guarded.ts";
import { requireMs } from "./option.ts";
import { pause } from "./pause.ts";
import type { Registrar } from "./registrar.ts";
import { registryError } from "./registry-error.ts";

/**
 * What a registry can do for one instance. The first three are called one at a time. Their `ctx` ends when a call has taken too long or is
 * overtaken by `deregister`; settle soon after. A `KitError` reaches the registrar's user as it is, anything else as an `unavailable` with
 * the error as its cause.
 */
export interface HeartbeatRegistrarOptions {
  /** Makes the registry have the instance, whether it had it or not. Resolves when it has. */
  readonly register: (ctx: Context) => Promise<void>;
  /** Tells the registry that the instance still lives. Rejects when the registry does not have it any more. */
  readonly renew: (ctx: Context) => Promise<void>;
  /** Takes the instance out of the registry. Resolves also when it was not there. */
  readonly deregister: (ctx: Context) => Promise<void>;
  /** How often to renew, in ms. With a third of what the registry waits before it lets an instance expire, two lost renewals do no harm. */
  readonly heartbeatMs: number;
  /** How long one call may take, in ms. @default 5000, which a healthy registry never needs */
  readonly timeoutMs?: number;
  /** The waits between attempts to register, after a renewal and the registration that follows it at once have failed. @default 100 ms to 10 s */
  readonly backoff?: Backoff;
  /** Told why a renewal, a registration after it, or the deregistration of `close` failed. @default nobody is told */
  readonly onError?: ((error: Error) => void) | undefined;
}

/**
 * Makes a registrar out of what a registry can do; what is the same for all registries is done here: one call at a time, renewals,
 * registering again when the registry lost the instance, trying again while it is away. Heartbeats do not keep the process alive.
 *
 * @throws {TypeError} when an option is out of its range.
 */
export function heartbeatRegistrar(options: HeartbeatRegistrarOptions): Registrar {
  const {
    heartbeatMs,
    timeoutMs = 5_000,
    backoff: waitMs = backoff({ baseMs: 100, maxMs: 10_000 }),
    onError,
  } = options;
  requireMs("heartbeatRegistrar: heartbeatMs", heartbeatMs);
  requireMs("heartbeatRegistrar: timeoutMs", timeoutMs);

  const report = guarded(onError);
  let wanted: { readonly scope: CancellableContext; readonly registered: Promise<void> } | undefined;
  /** Whether the registry may have the instance. */
  let announced = false;
  let turn: Promise<void> = Promise.resolve();
  let closed: Promise<void> | undefined;

  function register(): Promise<void> {
    if (closed !== undefined) return Promise.reject(new KitError("failed_precondition", "the registrar is closed"));
    if (wanted !== undefined) return wanted.registered;
    const scope = background.withCancel();
    const registered = inTurn(() => call(announce, scope));
    const mine = (wanted = { scope, registered });
    registered.then(
      () => keepUp(scope),
      () => {
        if (wanted === mine) wanted = undefined;
      },
    );
    return registered;
  }

  function deregister(): Promise<void> {
    wanted?.scope.cancel();
    wanted = undefined;
    return inTurn(async () => {
      if (!announced) return;
      await call(options.deregister, background);
      announced = false;
    });
  }

  function close(): Promise<void> {
    return (closed ??= deregister().catch((error: Error) => report(error)));
  }

  function announce(ctx: Context): Promise<void> {
    announced = true;
    return options.register(ctx);
  }

  async function keepUp(scope: Context): Promise<void> {
    for (let failures = 0; ;) {
      const waited = failures === 0 ? heartbeatMs : failures === 1 ? 0 : waitMs(failures - 2);
      await pause(waited, scope, { keepsAlive: false });
      const operation = failures === 0 ? options.renew : announce;
      try {
        await inTurn(() => call(operation, scope));
        failures = 0;
      } catch (error) {
        if (scope.cancelled !== undefined) return;
        failures += 1;
        report(error as Error);
      }
    }
  }

  function inTurn(operation: () => Promise<void>): Promise<void> {
    const done = turn.then(operation);
    turn = done.catch(() => {});
    return done;
  }

  /** An overtaken call is waited for, since it may reach the registry yet; only the time it may take ends the wait. */
  async function call(operation: (ctx: Context) => Promise<void>, scope: Context): Promise<void> {
    const overtakenBefore = scope.cancelled;
    if (overtakenBefore !== undefined) throw overtakenBefore;
    const ctx = scope.withTimeout(timeoutMs);
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(reject, timeoutMs);
    });
    try {
      await Promise.race([operation(ctx), tooLong]);
    } catch (error) {
      const overtaken = scope.cancelled;
      if (overtaken !== undefined) throw overtaken;
      const late = error === undefined || ctx.cancelled !== undefined;
      throw late
        ? refusal("deadline_exceeded", `the registry did not answer within ${timeoutMs} ms`)
        : registryError(error);
    } finally {
      clearTimeout(timer);
      ctx.cancel();
    }
  }

  return { register, deregister, close, [Symbol.asyncDispose]: close };
}
