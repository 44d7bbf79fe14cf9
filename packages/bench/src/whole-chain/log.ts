import { destination, type Logger, pino } from "pino";

/** One process's log as it is in production: written in blocks, off the event loop; to a file that keeps nothing. */
export function openLog(): Logger {
  return pino(
    { base: { node: `sum-${process.pid}` } },
    destination({ dest: "/dev/null", sync: false, minLength: 4_096 }),
  );
}
