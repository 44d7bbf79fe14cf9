import type { Instance, Instancer, Registrar } from "@kit/sd";

/** Where instances of profilesvc register and are found. Each technology is a file in `registries`, loaded when it is asked for. */
export interface Registry {
  /** For people. */
  readonly place: string;
  instancer(): Instancer;
  registrar(instance: Instance): Registrar;
  /** Lets go of the connection; what it made is closed before. */
  close(): Promise<void>;
}

/** @param address - the URL of a Consul agent, or a directory of this machine's, which is made if it is missing. */
export async function openRegistry(address: string, onError: (error: Error) => void): Promise<Registry> {
  if (/^https?:/.test(address)) return (await import("./registries/consul.ts")).openConsul(address, onError);
  return (await import("./registries/file.ts")).openFiles(address, onError);
}
