/**
 * Makes a callback of the user's safe to call in the middle of something: what it throws becomes an uncaught exception, as in a timer's
 * callback, and does not reach the caller. Without a callback it does nothing.
 */
export function guarded<Args extends unknown[]>(
  callback: ((...args: Args) => void) | undefined,
): (...args: Args) => void {
  return (...args) => {
    try {
      callback?.(...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}
