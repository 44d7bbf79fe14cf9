import { zkClient, zkInstancer, zkRegistrar } from "@kit/sd-zk";
import type { Registry, RegistryPlace } from "../registry.ts";

export function openZk({ address: servers, service, ttlMs, onError }: RegistryPlace): Registry {
  const client = zkClient({ servers, sessionTimeoutMs: ttlMs });
  const path = `/services/${service}`;
  return {
    place: `ZooKeeper at ${servers}, below ${path}`,
    instancer: () => zkInstancer({ client, path, onError }),
    registrar: (instance) => zkRegistrar({ client, path, instance, onError }),
    close: () => client.close(),
  };
}
