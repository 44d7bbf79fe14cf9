import { etcdInstancer, etcdRegistrar } from "@kit/sd-etcd";
import { noop } from "cockatiel";
import { Etcd3 } from "etcd3";
import type { Registry, RegistryPlace } from "../registry.ts";

export function openEtcd({ address, service, ttlMs, onError }: RegistryPlace): Registry {
  // The client's own breaker would make a host that is back wait.
  const client = new Etcd3({ hosts: address, faultHandling: { host: () => noop } });
  const prefix = `/services/${service}`;
  return {
    place: `etcd at ${address}, below ${prefix}`,
    instancer: () => etcdInstancer({ client, prefix, onError }),
    registrar: (instance) => etcdRegistrar({ client, prefix, instance, ttlMs, onError }),
    async close() {
      client.close();
    },
  };
}
