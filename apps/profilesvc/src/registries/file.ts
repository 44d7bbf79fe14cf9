import { fileInstancer, fileRegistrar } from "@kit/sd-file";
import { Profiles } from "../contract.ts";
import type { Registry } from "../registry.ts";

/** A directory on this machine: nothing to install, nothing to run. */
export function openFiles(directory: string, onError: (error: Error) => void): Registry {
  const service = Profiles.name;
  return {
    place: directory,
    instancer: () => fileInstancer({ directory, service, onError }),
    registrar: (instance) => fileRegistrar({ directory, service, instance, onError }),
    async close() {},
  };
}
