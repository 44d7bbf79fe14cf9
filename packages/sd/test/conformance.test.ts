import { KitError } from "@kit/endpoint";
import { type InstancerSubject, testInstancer } from "@kit/conformance/instancer";
import { type RegistrarSubject, testRegistrar } from "@kit/conformance/registrar";
import { backoff, heartbeatRegistrar, type Instance, watchInstancer } from "../src/index.ts";

/** A registry in memory, which instancers ask with a long poll and registrars with a request a heartbeat. */
function registry(): InstancerSubject & RegistrarSubject {
  const held = new Map<string, Instance>();
  const waiting: (() => void)[] = [];
  let away = false;
  const soon = backoff({ baseMs: 1, maxMs: 20 });

  const changed = (): void => {
    for (const answer of waiting.splice(0)) answer();
  };
  const ask = async (act?: () => void): Promise<void> => {
    await new Promise((resolve) => void setImmediate(resolve));
    if (away) throw new KitError("unavailable", "the registry is away");
    act?.();
  };

  return {
    instancer: () =>
      watchInstancer({
        async watch(update, ctx) {
          while (ctx.cancelled === undefined) {
            await ask();
            update(held.values());
            await new Promise<void>((resolve) => {
              waiting.push(resolve);
              ctx.onCancel(() => resolve());
            });
          }
        },
        backoff: soon,
      }),
    registrar: (instance) =>
      heartbeatRegistrar({
        register: () =>
          ask(() => {
            held.set(instance.address, instance);
            changed();
          }),
        renew: () =>
          ask(() => {
            if (!held.has(instance.address)) throw new KitError("not_found", "no such instance");
          }),
        deregister: () =>
          ask(() => {
            held.delete(instance.address);
            changed();
          }),
        heartbeatMs: 10,
        backoff: soon,
      }),
    async set(instances) {
      held.clear();
      for (const instance of instances) held.set(instance.address, instance);
      changed();
    },
    async mortal(instance) {
      held.set(instance.address, instance);
      changed();
      return async () => {
        setTimeout(() => {
          held.delete(instance.address);
          changed();
        }, 30);
      };
    },
    expiryMs: 30,
    async wipeRegistry() {
      held.clear();
      changed();
    },
    async breakRegistry() {
      away = true;
      changed();
    },
    async healRegistry() {
      away = false;
    },
  };
}

testInstancer({
  setup: async () => ({ subject: registry() }),
  supports: { weight: true, zone: true, metadata: true, thousand: true, outages: true },
});

testRegistrar({
  setup: async () => ({ subject: registry() }),
  supports: { weight: true, zone: true, metadata: true, expires: true, recovers: true, outages: true },
});
