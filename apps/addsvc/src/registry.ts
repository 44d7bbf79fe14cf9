import type { Instance, Instancer, Registrar } from "@kit/sd";
import { type Flag, UsageError } from "./flags.ts";

/** Where instances register and are found. Each technology is a file in `registries`, loaded when it is asked for. */
export interface Registry {
  /** For people. */
  readonly place: string;
  instancer(): Instancer;
  registrar(instance: Instance): Registrar;
  /** Lets go of the connection; what it made is closed before. */
  close(): Promise<void>;
}

/** What a registry is opened with. */
export interface RegistryPlace {
  /** A URL; for ZooKeeper a connect string, for files the directory. */
  readonly address: string;
  readonly service: string;
  /** How soon an instance that died without a word is taken off the list, in ms. */
  readonly ttlMs: number;
  readonly onError: (error: Error) => void;
}

interface Kind {
  /** Where it listens unless its owner has said otherwise. */
  readonly usualAddress: string;
  readonly open: (place: RegistryPlace) => Promise<Registry>;
}

const kinds: Readonly<Record<string, Kind>> = {
  file: { usualAddress: "", open: async (place) => (await import("./registries/file.ts")).openFiles(place) },
  consul: {
    usualAddress: "http://127.0.0.1:8500",
    open: async (place) => (await import("./registries/consul.ts")).openConsul(place),
  },
  etcd: {
    usualAddress: "http://127.0.0.1:2379",
    open: async (place) => (await import("./registries/etcd.ts")).openEtcd(place),
  },
  eureka: {
    usualAddress: "http://127.0.0.1:8761/eureka",
    open: async (place) => (await import("./registries/eureka.ts")).openEureka(place),
  },
  zk: {
    usualAddress: "127.0.0.1:2181",
    open: async (place) => (await import("./registries/zk.ts")).openZk(place),
  },
};

/** Flags that instances and gateway have in common. */
export const registryFlags = {
  registry: { value: "file", help: `where instances register and are found: ${Object.keys(kinds).join(", ")}` },
  "registry-addr": { value: "", help: "its address, if not the usual one" },
  "registry-dir": { value: "", help: "the directory of the file registry; made if missing (default a temporary one)" },
} satisfies Record<string, Flag>;

/** @throws {UsageError} when there is no such registry, or no directory for files. */
export function openRegistry(
  flags: Readonly<Record<keyof typeof registryFlags, string>>,
  more: Omit<RegistryPlace, "address">,
): Promise<Registry> {
  const kind = Object.hasOwn(kinds, flags.registry) ? kinds[flags.registry] : undefined;
  if (kind === undefined) {
    throw new UsageError(`--registry must be one of ${Object.keys(kinds).join(", ")}, got "${flags.registry}"`);
  }
  const address = flags.registry === "file" ? flags["registry-dir"] : flags["registry-addr"] || kind.usualAddress;
  if (address === "") throw new UsageError("an instance needs --registry-dir to register in");
  return kind.open({ ...more, address });
}
