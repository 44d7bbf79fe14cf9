/** Hears of what a tracer throws, or a function that was given to be asked about a call. */
export type OnError = (error: unknown) => void;

/** Nothing that goes wrong with a span is worth the call that it tells of, and so neither is what hears of it. */
export function tell(onError: OnError | undefined, error: unknown): void {
  try {
    onError?.(error);
  } catch {
    // There is nobody left to tell.
  }
}

/** What a function of the user's says, else that. */
export function asked<T>(onError: OnError | undefined, otherwise: T, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    tell(onError, error);
    return otherwise;
  }
}
