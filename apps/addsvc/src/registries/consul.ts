import { consulInstancer, consulRegistrar } from "@kit/sd-consul";
import Consul from "consul";
import type { Registry, RegistryPlace } from "../registry.ts";

export function openConsul({ address, service, ttlMs, onError }: RegistryPlace): Registry {
  const { hostname, port, protocol } = new URL(address);
  const client = new Consul({ host: hostname, port: Number(port), secure: protocol === "https:" });
  return {
    place: `Consul at ${address}`,
    instancer: () => consulInstancer({ client, service, onError }),
    registrar: (instance) => consulRegistrar({ client, service, instance, ttlMs, onError }),
    async close() {
      client.destroy();
    },
  };
}
