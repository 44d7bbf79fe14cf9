import { consulInstancer, consulRegistrar } from "@kit/sd-consul";
import Consul from "consul";
import { UsageError } from "../flags.ts";
import { type Registry, ttlMs } from "../registry.ts";

export function openConsul(address: string, onError: (error: Error) => void): Registry {
  const { hostname, port, protocol } = urlOf(address);
  const client = new Consul({ host: hostname, port: Number(port || 8500), secure: protocol === "https:" });
  return {
    place: `Consul at ${hostname}:${port || 8500}`,
    instancer: (service) => consulInstancer({ client, service, onError }),
    registrar: (service, instance) => consulRegistrar({ client, service, instance, ttlMs, onError }),
    async close() {
      client.destroy();
    },
  };
}

/** As Consul's own clients take it: with or without a scheme, a host or a port. */
function urlOf(address: string): URL {
  const text = address.replace(/^:/, "127.0.0.1:");
  try {
    return new URL(text.includes("://") ? text : `http://${text}`);
  } catch {
    throw new UsageError(`--consul-addr must be like 127.0.0.1:8500, got "${address}"`);
  }
}
