import { consulInstancer, consulRegistrar } from "@kit/sd-consul";
import Consul from "consul";
import { Profiles } from "../contract.ts";
import type { Registry } from "../registry.ts";

/** Instances carry the tag `prod`, and clients look for it, as go-kit's do. */
const tags = ["prod"];

export function openConsul(address: string, onError: (error: Error) => void): Registry {
  const { hostname, port, protocol } = new URL(address);
  const client = new Consul({ host: hostname, port: Number(port || 8500), secure: protocol === "https:" });
  const service = Profiles.name;
  return {
    place: `Consul at ${address}`,
    instancer: () => consulInstancer({ client, service, tags, onError }),
    registrar: (instance) => consulRegistrar({ client, service, tags, instance, onError }),
    async close() {
      client.destroy();
    },
  };
}
