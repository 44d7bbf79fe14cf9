/** Waits for the work, but not for ever; whether it succeeded in time. */
export function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, false);
    const done = (succeeded: boolean) => (): void => {
      clearTimeout(timer);
      resolve(succeeded);
    };
    work.then(done(true), done(false));
  });
}
