import type { Instance, Instancer, Registrar } from "@kit/sd";
import { type Flag, UsageError } from "./flags.ts";

/** Where instances register and are found. Each technology is a file in `registries`, loaded when it is asked for. */
export interface Registry {
  /** For people. */
  readonly place: string;
  instancer(service: string): Instancer;
  registrar(service: string, instance: Instance): Registrar;
  /** Lets go of the connection; what it made is closed before. */
  close(): Promise<void>;
}

/** How soon an instance that died without a word is taken off the list, in ms. */
export const ttlMs = 2_000;

export const registryFlags = {
  "consul-addr": { value: "", help: "Consul where instances are found, such as :8500" },
  "registry-dir": { value: "", help: "or a directory of files" },
} satisfies Record<string, Flag>;

type RegistryFlags = Readonly<Record<keyof typeof registryFlags, string>>;

/** @throws {UsageError} when there is no place, or none that can be. */
export async function openRegistry(flags: RegistryFlags, onError: (error: Error) => void): Promise<Registry> {
  const { "consul-addr": consul, "registry-dir": directory } = flags;
  if (consul !== "") return (await import("./registries/consul.ts")).openConsul(consul, onError);
  if (directory !== "") return (await import("./registries/file.ts")).openFiles(directory);
  throw new UsageError("an instance needs --consul-addr or --registry-dir to register in");
}
