/** Lets an error of a callback of the user's be heard as an uncaught exception, without harm to whoever called it. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
