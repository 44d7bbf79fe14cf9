/** The clock of limits that are given none. */
export const monotonicMs = (): number => performance.now();
