import { fileInstancer, fileRegistrar } from "@kit/sd-file";
import { type Registry, ttlMs } from "../registry.ts";

/** A directory on this machine: nothing to install, nothing to run. */
export function openFiles(directory: string): Registry {
  return {
    place: directory,
    instancer: (service) => fileInstancer({ directory, service }),
    registrar: (service, instance) => fileRegistrar({ directory, service, instance, ttlMs }),
    async close() {},
  };
}
