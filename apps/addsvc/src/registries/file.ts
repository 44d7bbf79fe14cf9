import { fileInstancer, fileRegistrar } from "@kit/sd-file";
import type { Registry, RegistryPlace } from "../registry.ts";

/** A directory on this machine: nothing to install, nothing to run. */
export function openFiles({ address: directory, service, ttlMs }: RegistryPlace): Registry {
  return {
    place: directory,
    instancer: () => fileInstancer({ directory, service }),
    registrar: (instance) => fileRegistrar({ directory, service, instance, ttlMs }),
    async close() {},
  };
}
