import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A process to be killed. */
export interface MortalProcess extends AsyncDisposable {
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/**
 * Runs a script that registers the instance of the options, which it gets as JSON in its first argument, prints something and lives on. Resolves when it has printed.
 *
 * @throws when it ends before.
 */
export async function registeredProcess(script: URL, options: object): Promise<MortalProcess> {
  const child = spawn(process.execPath, [fileURLToPath(script), JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await Promise.race([
    once(child.stdout, "data"),
    exited.then(([code]) => Promise.reject(new Error(`the process ended with ${String(code)}`))),
  ]);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  return { kill, [Symbol.asyncDispose]: kill };
}
