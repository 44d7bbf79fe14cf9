/**
 * Makes a callback of the user's safe to call in the middle of a call: what it throws becomes an uncaught exception, as in a timer's
 * callback, and stands for `otherwise`.
 */
export function guarded<Args extends unknown[], Result>(
  callback: (...args: Args) => Result,
  otherwise: Result,
): (...args: Args) => Result {
  return (...args) => {
    try {
      return callback(...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
      return otherwise;
    }
  };
}
