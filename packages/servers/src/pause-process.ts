import { readdirSync, readFileSync } from "node:fs";

const longestMs = 1_000;

/**
 * Stops a process, and returns when it has stopped: the kernel tells each of its threads in its own time, and until then they may still answer.
 * Where there is no /proc it returns at once.
 */
export function pauseProcess(pid: number): void {
  process.kill(pid, "SIGSTOP");
  const until = performance.now() + longestMs;
  let running = true;
  while (running && performance.now() < until) running = isRunning(pid);
}

function isRunning(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  try {
    // The name before the state may hold anything, a parenthesis too.
    return readdirSync(tasks).some((task) => !/\) [TtZX] /.test(readFileSync(`${tasks}/${task}/stat`, "utf8")));
  } catch {
    return false;
  }
}
