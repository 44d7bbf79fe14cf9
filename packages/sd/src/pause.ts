import type { Context } from "@kit/endpoint";

/** Resolves after `ms`, or when the context ends. */
export function pause(ms: number, ctx: Context, timer: { readonly keepsAlive: boolean }): Promise<void> {
  if (ctx.cancelled !== undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const timeout = setTimeout(done, ms);
    if (!timer.keepsAlive) timeout.unref();
    const leave = ctx.onCancel(done);
    function done(): void {
      clearTimeout(timeout);
      leave();
      resolve();
    }
  });
}
