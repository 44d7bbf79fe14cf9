import { eurekaInstancer, eurekaRegistrar } from "@kit/sd-eureka";
import type { Registry, RegistryPlace } from "../registry.ts";

/** Eureka is asked, it does not tell: a second, since a demo should not take the half minute that is usual. */
const pollMs = 1_000;

export function openEureka({ address, service, ttlMs, onError }: RegistryPlace): Registry {
  const servers = [address];
  return {
    place: `Eureka at ${address}`,
    instancer: () => eurekaInstancer({ servers, service, pollMs, onError }),
    registrar: (instance) => eurekaRegistrar({ servers, service, instance, ttlMs, onError }),
    async close() {},
  };
}
