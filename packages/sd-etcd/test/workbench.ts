import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { noop } from "cockatiel";
import { Etcd3 } from "etcd3";
import { vi } from "vitest";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** As the README says that a client should be. */
export const clientOf = (hosts: string | string[]): Etcd3 =>
  new Etcd3({ hosts, faultHandling: { host: () => noop }, grpcOptions: { "grpc.use_local_subchannel_pool": 1 } });

let services = 0;

/** A name that no other test has. */
export const newPrefix = (): string => `/services/addsvc-${process.pid}-${++services}`;

/** A process that has registered an instance and lives until it is killed. */
export async function registeredProcess(options: object): Promise<AsyncDisposable & { kill(): Promise<void> }> {
  const script = fileURLToPath(new URL("registrar.fixture.mjs", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await Promise.race([
    once(child.stdout!, "data"),
    exited.then(([code]) => Promise.reject(new Error(`the process ended with ${String(code)}`))),
  ]);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  return { kill, [Symbol.asyncDispose]: kill };
}
