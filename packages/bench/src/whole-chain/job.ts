/** How many processes serve. */
export const instances = 3;

/** How often a call is tried in all, each time on another instance, and how long all of it may take, in ms. */
export const attempts = 3;
export const timeoutMs = 10_000;

/** What a limit lets through a second, and at once: more than anybody here can send, since what is measured is the look at it. */
export const ratePerSecond = 1_000_000;

/** The share of calls that are traced. */
export const traced = 0.01;

/** A breaker opens after so many failures, and tries again after so many ms. */
export const failures = 6;
export const openMs = 1_000;
